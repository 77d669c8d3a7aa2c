/**
 * When a request is sent: the requests in flight are the running tasks of a queue of *wishes to send*, and a task cuts its batch when
 * it starts, from what waits then.
 *
 * Invariants:
 *  1. At most `limit.current()` requests are in flight; one while the cluster as a whole is in trouble, and none begins while its
 *     pause lasts. The limit falls at once, and rises only when a slot has become free, so that what begins then is cut after the last
 *     answer was settled.
 *  2. At most one wish waits for a slot: it stands for everything that waits.
 *  3. A request begins at once when nothing is in flight (an idle system adds no latency), when it is full, or when it has lingered;
 *     it fills while others are in flight (a busy system has full batches).
 *  4. A wish that finds nothing to send is forgotten until something changes: slots that become free do not make it again.
 */
import PQueue from 'p-queue';
import type { Clock } from '../ports.ts';
import type { RequestLimit } from './request-limit.ts';

export interface SlotsOptions {
  readonly limit: RequestLimit;
  readonly clock: Clock;
  /** Longest time a batch that is not full waits while other requests are in flight. */
  readonly lingerMs: number;
  /** Whether anything waits to be sent. */
  readonly isWaiting: () => boolean;
  /** Whether what waits fills a request. */
  readonly isFull: () => boolean;
  /** Cuts a batch and sends it; resolves when all that its answer settles is settled. Undefined if nothing may be sent. */
  readonly send: () => Promise<void> | undefined;
  /** A slot has become free: time to `fill`. */
  readonly freed: () => void;
  readonly signal: AbortSignal;
}

export interface Slots {
  /** Sends what may be sent. */
  fill(): void;
  /** Requests in flight; that of a running `send` counts until a slot has become free. */
  inFlight(): number;
  /** The limit has fallen. */
  lower(): void;
  /** The cluster as a whole is in trouble: nothing begins. */
  pause(): void;
  /** The pause is over: one request tries. */
  tryAgain(): void;
  /** The trouble is over. */
  recover(): void;
}

export function createSlots({ limit, clock, lingerMs, isWaiting, isFull, send, freed, signal }: SlotsOptions): Slots {
  const slots = new PQueue({ concurrency: limit.current() });
  let isTroubled = false;
  /** The last wish found nothing to send. */
  let isStuck = false;
  let isLingering = false;

  const allowed = (): number => (isTroubled ? 1 : limit.current());
  const isFree = (): boolean => !slots.isPaused && slots.size === 0 && slots.pending < slots.concurrency;

  const linger = (): void => {
    if (isLingering) return;
    isLingering = true;
    void clock.sleep(lingerMs, signal).then(() => {
      isLingering = false;
      if (isFree() && isWaiting()) wish(() => true);
      fill();
    });
  };

  /** Nothing else is in flight, or the request is full; asked by a wish, which has a slot itself. */
  const isDueNow = (): boolean => slots.pending === 1 || isFull();

  /** False if it began and found nothing to send. */
  const wish = (isDue: () => boolean): boolean => {
    void slots.add(async () => {
      if (signal.aborted) return;
      const isReady = isDue();
      const sent = isReady && isWaiting() ? send() : undefined;
      if (!isReady) linger();
      isStuck = sent === undefined;
      if (sent === undefined) return;
      await sent;
      isStuck = false;
    });
    return !isStuck;
  };

  const fill = (): void => {
    isStuck = false;
    slots.concurrency = allowed();
    while (!signal.aborted && isWaiting() && slots.size === 0) {
      if (slots.pending > 0 && !isFull()) {
        if (isFree()) linger();
        return;
      }
      if (!wish(isDueNow)) return;
    }
  };

  slots.addEventListener('next', () => {
    if (!isStuck) freed();
  });

  return {
    fill,
    inFlight: () => slots.pending,
    lower: () => {
      slots.concurrency = Math.min(slots.concurrency, allowed());
    },
    pause: () => {
      isTroubled = true;
      slots.pause();
      slots.concurrency = 1;
    },
    tryAgain: () => {
      slots.start();
    },
    recover: () => {
      isTroubled = false;
      slots.start();
    },
  };
}
