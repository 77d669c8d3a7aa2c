/**
 * A source that gives no more than so many records a second, over any second and the batch that fills it.
 */
import type { Clock, Source } from '../pipeline/ports.ts';

export function withMaxRate(source: Source, recordsPerSecond: number, clock: Clock): Source {
  let freeAtMs = 0;
  return {
    commit: (settled) => source.commit(settled),
    remainingMs: () => source.remainingMs(),
    run: (intake, signal) =>
      source.run(
        {
          ...intake,
          room: (batch) => {
            const waitMs = freeAtMs - clock.nowMs();
            return waitMs > 0 ? clock.sleep(waitMs, signal) : intake.room(batch);
          },
          accept: (batch) => {
            intake.accept(batch);
            freeAtMs = Math.max(freeAtMs, clock.nowMs()) + (batch.records.length / recordsPerSecond) * 1000;
          },
        },
        signal,
      ),
  };
}
