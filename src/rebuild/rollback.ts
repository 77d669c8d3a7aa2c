/**
 * After a swap: back to the old generation, forward again, and the end of writing to both.
 */
import type { Generation } from '../model/generation.ts';
import type { Failure } from '../model/outcome.ts';
import type { Clock } from '../pipeline/ports.ts';
import type { Generations } from '../documents/ports.ts';
import type { Custody } from './custody.ts';
import { refuse } from './custody.ts';
import type { Control } from './handover.ts';
import { obstacleTo, otherOf, toFinishing, toSwapping } from './handover.ts';
import type { Brokers, Comparison } from './ports.ts';
import { completeSwap } from './rebuild.ts';

export interface AfterwardsOptions {
  readonly document: string;
  readonly custody: Custody;
  readonly generations: Generations;
  readonly comparison: Comparison;
  readonly brokers: Brokers;
  readonly clock: Clock;
  readonly now: () => string;
  readonly say: (sentence: string) => void;
}

/** Swaps to the old generation, or with `forward` to the new one; nothing is lost by it, for both were written all the time. */
export async function rollback(options: AfterwardsOptions, direction: 'back' | 'forward'): Promise<Control> {
  const { custody, document, comparison, say } = options;
  for (;;) {
    const stored = await custody.read();
    if (stored === undefined)
      throw refuse(`Nothing is known of a rebuild of ${document}: there is no generation to swap to.`);
    const { control, mark } = stored;
    const target = direction === 'back' ? control.from : control.to;
    if (control.phase === 'swapping' && control.swappedAt === undefined) {
      throw refuse(`The rebuild of ${document} is just swapping; let it end, or run it again.`);
    }
    if (control.phase === 'swapping') {
      // Another rollback was killed in the middle.
      await completeSwap(options, control);
      continue;
    }
    if (control.phase !== 'warm') {
      throw refuse(
        control.phase === 'finishing'
          ? `The rebuild of ${document} is finished: ${otherOf(control)} is not written any more.`
          : `The rebuild of ${document} has not swapped anything yet; \`sluice rebuild ${document} --abort\` gives it up.`,
      );
    }
    if (control.live === target) {
      say(`${document} is ${target} already.`);
      return control;
    }
    const obstacle = obstacleTo(control, target);
    if (obstacle !== undefined) throw refuse(`${obstacle}, so ${document} would lack them.`);
    await custody.persist(async () => (await comparison.refresh(target)) ?? 'done');
    const next = toSwapping(control, target);
    if (await custody.replace(next, mark)) return completeSwap(options, next);
  }
}

/** Which of the old generations stay: those that either says. */
export interface Keeping {
  /** So many, the newest. */
  readonly count: number;
  /** Those that were made no longer ago. */
  readonly ageMs: number;
}

/** Ends the writing to both and removes old generations. May be repeated. Returns the names of those that it removed. */
export async function finish(options: AfterwardsOptions, keeping: Keeping): Promise<readonly string[]> {
  const { custody, generations, document, brokers } = options;
  const stored = await custody.read();
  if (stored === undefined) throw refuse(`Nothing is known of a rebuild of ${document}: there is nothing to finish.`);
  const control = await custody.change(stored.control.rebuild, (now) => {
    if (now.phase === 'finishing') return undefined;
    if (now.phase === 'warm') return toFinishing(now);
    throw refuse(`The rebuild of ${document} has not come to its end; \`sluice rebuild ${document}\` goes on with it.`);
  });
  const all = await custody.persist<readonly Generation[]>(() => generations.list(document));
  const old = all.filter(({ index, meta }) => index !== control.live && meta?.document === document);
  const removed = old
    .slice(0, Math.max(0, old.length - keeping.count))
    .filter(({ createdAtMs = 0 }) => Date.parse(options.now()) - createdAtMs >= keeping.ageMs);
  for (const generation of removed) {
    await custody.persist(async (): Promise<'done' | Failure> => (await generations.remove(generation)) ?? 'done');
  }
  await brokers.forget(control.groupId);
  await custody.remove(control.rebuild);
  return removed.map(({ index }) => index);
}
