/**
 * Questions to brokers that may not answer for a while.
 */
import { SluiceError } from '../errors.ts';
import type { PartitionPosition } from './handover.ts';
import type { RebuildOptions } from './rebuild-options.ts';

/** Brokers that do not answer are waited for. */
export async function asked<T>(
  attempt: () => Promise<T>,
  { clock, say }: Pick<RebuildOptions, 'clock' | 'say'>,
  signal: AbortSignal,
): Promise<T> {
  for (let told = false; ; told = true) {
    signal.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      if (error instanceof SluiceError) throw error;
      signal.throwIfAborted();
      if (!told) say(`Kafka does not answer (${error instanceof Error ? error.message : typeof error}); waiting.`);
      await clock.sleep(1000, signal);
    }
  }
}

/** Offsets of the topics, and how many of them are passed. */
export function lagOf(positions: readonly PartitionPosition[]): { readonly records: number; readonly done: number } {
  let records = 0;
  let left = 0;
  for (const { start, end, committed } of positions) {
    records += end - start;
    left += end - Math.max(committed ?? 0, start);
  }
  return { records, done: records - left };
}
