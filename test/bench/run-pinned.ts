/** As `src/main.ts`, on the cores that the environment names. */
import { pin } from './process-cost.ts';

const { SLUICE_TEST_CORES: cores } = process.env;
if (cores !== undefined) await pin(process.pid, cores);
await import('../../src/main.ts');
