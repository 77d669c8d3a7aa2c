/**
 * How much a property may try: SLUICE_PROPERTY_RUNS multiplies the runs (a nightly run raises it), SLUICE_PROPERTY_SEED
 * replays a failure; fast-check prints the seed and the shrunk case of every failure.
 */
export function budget(runs: number): { numRuns: number; seed?: number } {
  const factor = Number(process.env['SLUICE_PROPERTY_RUNS'] ?? 1);
  const seed = process.env['SLUICE_PROPERTY_SEED'];
  return { numRuns: Math.ceil(runs * factor), ...(seed === undefined ? {} : { seed: Number(seed) }) };
}
