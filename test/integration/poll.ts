import { setTimeout as delay } from 'node:timers/promises';

/** Asks again and again until the answer is not undefined; after `withinMs` throws, saying what was awaited. */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined>,
  { withinMs = 60_000, everyMs = 50 }: { readonly withinMs?: number; readonly everyMs?: number } = {},
): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > deadline) throw new Error(`Not within ${withinMs} ms: ${what}.`);
    await delay(everyMs);
  }
}

/** As `until`, for a condition. */
export async function untilTrue(
  what: string,
  ask: () => Promise<boolean>,
  options?: { readonly withinMs?: number; readonly everyMs?: number },
): Promise<void> {
  await until(what, async () => ((await ask()) ? true : undefined), options);
}
