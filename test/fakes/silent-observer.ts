import type { Observer } from '../../src/pipeline/ports.ts';

/** Watches nothing, but for what a test overrides. */
export function silentObserver(overrides: Partial<Observer> = {}): Observer {
  const nothing = (): void => undefined;
  return {
    accepted: nothing,
    ignored: nothing,
    wrote: nothing,
    request: nothing,
    deadLettered: nothing,
    abandoned: nothing,
    committed: nothing,
    withheld: nothing,
    nullRead: nothing,
    waiting: nothing,
    recovered: nothing,
    warned: nothing,
    ...overrides,
  };
}
