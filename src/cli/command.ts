/**
 * What every command is given, and what it answers.
 */
import type { Environment } from '../config/environment.ts';
import type { Failpoints } from '../pipeline/failpoints.ts';

/** 0 done, 1 failed, 2 wrong use or configuration, 3 stopped with work left. */
export type ExitCode = 0 | 1 | 2 | 3;

export interface Surroundings {
  readonly environment: Environment;
  readonly cwd: string;
  readonly print: (line: string) => void;
  readonly printError: (line: string) => void;
  readonly failpoints?: Failpoints;
}

/** What every command takes. */
export interface CommonOptions {
  readonly config?: string;
}
