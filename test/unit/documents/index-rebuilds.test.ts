/** `index.onChange: rebuild`: when an instance begins a rebuild by itself. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SluiceError } from '../../../src/errors.ts';
import { createIndexRebuilds, disagreement } from '../../../src/documents/index-rebuilds.ts';
import type { Failure } from '../../../src/model/outcome.ts';

const doubtsOf = (...aliases: readonly string[]): ReadonlyMap<string, readonly Failure[]> =>
  new Map(aliases.map((alias) => [alias, [{ code: 'INDEX_OUTDATED', message: `${alias} is old.` }]]));

function rebuildsOf(options: { obstacle?: () => string | undefined; rebuild?: (alias: string) => Promise<void> } = {}) {
  const begun: string[] = [];
  const said: string[] = [];
  const say = (_: unknown, text: string): void => {
    said.push(text);
  };
  const rebuilds = createIndexRebuilds({
    isWanted: (alias) => alias !== 'left',
    obstacle: () => Promise.resolve(options.obstacle?.()),
    rebuild: (alias) => {
      begun.push(alias);
      return options.rebuild?.(alias) ?? Promise.resolve();
    },
    logger: { info: say, warn: say },
  });
  return { rebuilds, begun, said };
}

test('one index after the other is rebuilt, and none whose file says to warn only', async () => {
  const first = Promise.withResolvers<undefined>();
  const { rebuilds, begun } = rebuildsOf({ rebuild: () => first.promise });
  rebuilds.consider(doubtsOf('left', 'a', 'b'));
  rebuilds.consider(doubtsOf('left', 'a', 'b'));
  await new Promise(setImmediate);
  assert.deepEqual(begun, ['a']);
  first.resolve(undefined);
  await rebuilds.settled();
  rebuilds.consider(doubtsOf('left', 'b'));
  await rebuilds.settled();
  assert.deepEqual(begun, ['a', 'b']);
});

test('nothing is begun while members of the group have other definitions, and why is said once', async () => {
  let why: string | undefined = 'they differ';
  const { rebuilds, begun, said } = rebuildsOf({ obstacle: () => why });
  for (let look = 0; look < 3; look += 1) {
    rebuilds.consider(doubtsOf('a'));
    await rebuilds.settled();
  }
  assert.deepEqual([begun, said], [[], ['a is not rebuilt yet: they differ.']]);
  why = undefined;
  rebuilds.consider(doubtsOf('a'));
  await rebuilds.settled();
  assert.deepEqual(begun, ['a']);
});

test('a rebuild that failed is not begun again with the same doubts; one that another instance has begun is looked at again', async () => {
  const failing = (code: Failure['code']) => () => Promise.reject(new SluiceError([{ code, message: 'No.' }]));
  const { rebuilds, begun } = rebuildsOf({ rebuild: failing('REBUILD_UNVERIFIED') });
  const running = rebuildsOf({ rebuild: failing('REBUILD_RUNNING') });
  for (let look = 0; look < 3; look += 1) {
    for (const one of [rebuilds, running.rebuilds]) {
      one.consider(doubtsOf('a'));
      await one.settled();
    }
  }
  assert.deepEqual([begun.length, running.begun.length], [1, 3]);
});

test('a group agrees when each of its members tells the same definitions, and it is not rebalancing', () => {
  const view = (settled: boolean, ...definitions: readonly (string | undefined)[]) => ({
    ...{ settled, definitions },
  });
  assert.equal(disagreement(view(true, 'a', 'a'), 'a'), undefined);
  assert.match(disagreement(view(true, 'a', 'b', undefined), 'a') ?? '', /^2 of 3 instances run with other/);
  for (const one of [view(false, 'a'), view(true)]) assert.match(disagreement(one, 'a') ?? '', /rebalancing/);
});
