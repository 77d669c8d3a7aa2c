import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pino } from 'pino';
import type { IndexState } from '../../../src/documents/ports.ts';
import { SluiceError } from '../../../src/errors.ts';
import { createIndexKeeper } from '../../../src/documents/indexes.ts';
import type { IndexDefinition } from '../../../src/model/document.ts';
import { generationOf } from '../../../src/model/generation.ts';
import type { Failure } from '../../../src/model/outcome.ts';
import type { Generations } from '../../../src/documents/ports.ts';

const definition: IndexDefinition = { alias: 'docs', settings: {}, mappings: {} };
const incompatible: Failure = { code: 'INDEX_INCOMPATIBLE', message: 'It is another one.' };
const lowered: Failure = { code: 'EPOCH_LOWERED', message: 'It was written with a higher one.' };
const present: IndexState = {
  state: 'present',
  generation: generationOf('docs', 'docs-000001', undefined),
  ...{ added: [], pending: [], warnings: [] },
};

interface Given {
  /** What is found of the index that the alias names. */
  readonly found?: IndexState;
  readonly isRebuilt?: boolean;
  readonly isFirstLoaded?: boolean;
  readonly other?: string;
  /** What comes of extending the other generation. */
  readonly extending?: Failure;
  readonly nullInDoubt?: string[];
}

const none = () => assert.fail('nothing is asked of the generations');
const noGenerations: Generations = {
  ...{
    list: none,
    current: none,
    create: none,
    finishLoading: none,
    swap: none,
    remove: none,
    find: none,
    extend: none,
  },
};

function keeperOf({ found = present, isRebuilt = false, isFirstLoaded = false, other, extending, nullInDoubt }: Given) {
  const extended: string[] = [];
  const logged: string[] = [];
  const generations: Generations = {
    ...{ list: none, current: none, create: none, finishLoading: none, swap: none, remove: none },
    find: (alias, index) => Promise.resolve(generationOf(alias, index, undefined)),
    extend: ({ index }) => {
      extended.push(index);
      return Promise.resolve(extending);
    },
  };
  const answer = () => Promise.resolve(found);
  const keeper = createIndexKeeper({
    admin: { inspect: answer, align: answer, ensure: isFirstLoaded ? none : answer },
    generations,
    routes: {
      aliases: ['docs'],
      indexDefinition: () => ({ ...definition, ...(nullInDoubt && { nullInDoubt: [...nullInDoubt] }) }),
    },
    rebuilds: { isRebuilt: () => isRebuilt, isFirstLoaded: () => isFirstLoaded, otherOf: () => other },
    logger: pino({}, { write: (line) => void logged.push(line) }),
    nowMs: () => 0,
  });
  return { keeper, extended, logged };
}

test('an index that contradicts its file stops the start and takes no write; while it is rebuilt it does neither', async () => {
  const found: IndexState = { state: 'failed', failure: incompatible };
  const { keeper } = keeperOf({ found });
  await assert.rejects(keeper.atStart(), SluiceError);
  assert.deepEqual(await keeper.ensure('docs'), incompatible);
  const { keeper: tolerant } = keeperOf({ found, isRebuilt: true });
  await tolerant.atStart();
  assert.equal(await tolerant.ensure('docs'), undefined);
});

test('a lowered epoch is refused during a rebuild too', async () => {
  const { keeper } = keeperOf({ found: { state: 'failed', failure: lowered }, isRebuilt: true });
  await assert.rejects(keeper.atStart(), SluiceError);
  assert.deepEqual(await keeper.ensure('docs'), lowered);
});

test('a generation that is written beside the live one is given what it lacks, once; what it cannot have is tolerated', async () => {
  const { keeper, extended } = keeperOf({ isRebuilt: true, other: 'docs-000002' });
  assert.equal(await keeper.ensure('docs'), undefined);
  assert.equal(await keeper.ensure('docs'), undefined);
  assert.deepEqual(extended, ['docs-000002']);
  const { keeper: tolerant } = keeperOf({ isRebuilt: true, other: 'docs-000002', extending: incompatible });
  assert.equal(await tolerant.ensure('docs'), undefined);
});

test('trouble with the generation beside the live one is tried again', async () => {
  const trouble: Failure = { code: 'ELASTICSEARCH_UNREACHABLE', message: 'scripted' };
  const { keeper, extended } = keeperOf({ isRebuilt: true, other: 'docs-000002', extending: trouble });
  assert.deepEqual(await keeper.ensure('docs'), trouble);
  assert.deepEqual(await keeper.ensure('docs'), trouble);
  assert.deepEqual(extended, ['docs-000002', 'docs-000002']);
});

test('each index that is refused is logged when it is seen, and each column with another name once', async () => {
  const lines: string[] = [];
  const refused: Failure = { code: 'INDEX_REFUSED', message: 'Elasticsearch refuses the index.' };
  const keeperFor = (alias: string, found: IndexState) =>
    createIndexKeeper({
      admin: { inspect: () => assert.fail(), align: () => assert.fail(), ensure: () => Promise.resolve(found) },
      generations: noGenerations,
      routes: { aliases: [alias], indexDefinition: () => ({ ...definition, alias, renamed: { _id: '%5Fid' } }) },
      rebuilds: { isRebuilt: () => false, isFirstLoaded: () => false, otherOf: () => undefined },
      logger: pino({ level: 'info' }, { write: (line) => lines.push(line) }),
      nowMs: () => 0,
    });
  const keeper = keeperFor('one', { state: 'failed', failure: refused });
  for (let attempt = 0; attempt < 3; attempt += 1) assert.deepEqual(await keeper.ensure('one'), refused);
  assert.equal(lines.filter((line) => line.includes('INDEX_REFUSED')).length, 1);
  const other = keeperFor('two', present);
  await other.ensure('two');
  await other.ensure('two');
  assert.equal(lines.filter((line) => line.includes('`_id` is the field `%5Fid`')).length, 1);
});

test('while a rebuild loads the first index nobody else makes one, and records wait until the alias is there', async () => {
  const lost: Failure = { code: 'ALIAS_LOST', message: 'It has no alias.' };
  for (const found of [{ state: 'absent' }, { state: 'failed', failure: lost }] satisfies IndexState[]) {
    const { keeper } = keeperOf({ found, isRebuilt: true, isFirstLoaded: true });
    assert.equal((await keeper.ensure('docs'))?.code, 'INDEX_LOADING');
    await keeper.atStart();
  }
  const { keeper } = keeperOf({ isRebuilt: true, isFirstLoaded: true });
  assert.equal(await keeper.ensure('docs'), undefined);
});

test('a column in which a null may be a value that was not sent is told once, when it is first met', async () => {
  const nullInDoubt = ['sums'];
  const { keeper, logged } = keeperOf({ nullInDoubt });
  const told = () =>
    logged.filter((line) => line.includes('NULL_IN_DOUBT')).map((line) => /column ."(\w+)/.exec(line)?.[1]);
  await keeper.ensure('docs');
  await keeper.ensure('docs');
  assert.deepEqual(told(), ['sums']);
  nullInDoubt.push('moods');
  await keeper.ensure('docs');
  assert.deepEqual(told(), ['sums', 'moods']);
  assert.match(logged.join(''), /REPLICA IDENTITY FULL/);
});

test('an index that waits at the start is said to be over when it can be written, and is told again if it comes back', async () => {
  for (const code of ['ELASTICSEARCH_UNREACHABLE', 'INDEX_REFUSED'] as const) {
    const lines: string[] = [];
    let now = 1000;
    let found: IndexState = { state: 'failed', failure: { code, message: 'scripted' } };
    const definitions = [definition];
    const answer = () => Promise.resolve(found);
    const keeper = createIndexKeeper({
      admin: { inspect: answer, align: answer, ensure: answer },
      generations: noGenerations,
      routes: { aliases: ['docs'], indexDefinition: () => definitions[0] },
      rebuilds: { isRebuilt: () => false, isFirstLoaded: () => false, otherOf: () => undefined },
      logger: pino({}, { write: (line) => lines.push(line) }),
      nowMs: () => now,
    });
    const countOf = (text: string): number => lines.filter((line) => line.includes(text)).length;
    const failed = found;
    await keeper.atStart();
    await keeper.ensure('docs');
    assert.equal(countOf('Records of docs wait.'), 1, code);
    assert.equal(countOf('is over'), 0);
    now = 3500;
    found = present;
    await keeper.ensure('docs');
    await keeper.ensure('docs');
    assert.equal(countOf(`${code} (docs) is over after 2500 ms.`), 1, code);
    found = failed;
    await keeper.atStart();
    assert.equal(countOf('Records of docs wait.'), 2, 'it begins again');
  }
});
