/** Several topics that would fill one index: refused, with remedies that help, unless the file keeps their rows apart. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDecoder } from '../../../src/envelope/decoder.ts';
import { documentDefinitionSchema } from '../../../src/mapping/definition.ts';
import { offset } from '../../../src/model/position.ts';
import type { DocumentFile } from '../../../src/documents/route-problems.ts';
import type { RouteOptions } from '../../../src/documents/routes.ts';
import { createRoutes } from '../../../src/documents/routes.ts';
import { watchArrivals } from '../../../src/documents/topic-arrivals.ts';
import { createManualClock } from '../../fakes/manual-clock.ts';

const fileOf = (document: string, from: string | string[], more: object = {}): DocumentFile => ({
  file: `${document.replaceAll(/\W/g, '')}.yaml`,
  definition: documentDefinitionSchema.parse({ document, from, ...more }),
  positionOf: () => ({ line: 1, column: 11 }),
});
const options: RouteOptions = { deadLetters: { topic: 'letters' }, masking: {}, truncation: { allow: [] } };
const unmapped = (index: string): RouteOptions => ({
  ...options,
  unmapped: { topics: 'srv\\..*', form: 'auto', index },
});
const mixedIn = (files: readonly DocumentFile[], topics: readonly string[], given = options): string[] =>
  createRoutes(files, given, new Set(topics))
    .missing.filter(({ code }) => code === 'TOPICS_MIXED')
    .map(({ message }) => message);

const cases: readonly {
  readonly claim: string;
  readonly files?: readonly DocumentFile[];
  readonly topics: readonly [string, string];
  readonly index?: string;
  readonly remedy: RegExp;
}[] = [
  {
    claim: 'two schemas with a table `main`',
    topics: ['srv.a.main', 'srv.b.main'],
    index: '${table}',
    remedy: /`unmapped\.index: \$\{schema\}-\$\{table\}`/,
  },
  {
    claim: '"Order Items" and order_items, which no template keeps apart',
    topics: ['srv.a.Order_Items', 'srv.a.order_items'],
    index: '${topic}',
    remedy: /write a mapping file for each/,
  },
  {
    claim: '_users and users',
    topics: ['srv.a._users', 'srv.a.users'],
    index: '${table}',
    remedy: /`unmapped\.index: \$\{schema\}-\$\{table\}`/,
  },
  {
    claim: 'a list of different tables',
    files: [fileOf('all', ['srv.a.x', 'srv.a.y'])],
    topics: ['srv.a.x', 'srv.a.y'],
    remedy:
      /`document: all-\$\{table\}`, or put the topic into each id, `id: \{ topic: true \}`\. .*`publish\.via\.partition\.root=true`.*ByLogicalTableRouter.*`rowsStayInTopic: true`/,
  },
  {
    claim: 'a pattern',
    files: [fileOf('all', '/srv\\.a\\..*/')],
    topics: ['srv.a.x', 'srv.a.y'],
    remedy: /`document: all-\$\{table\}`/,
  },
  {
    claim: 'a template that two schemas fill',
    files: [fileOf('shop-${table}', '/srv\\..*/')],
    topics: ['srv.a.main', 'srv.b.main'],
    remedy: /`document: shop-\$\{schema\}-\$\{table\}`/,
  },
];

for (const { claim, files = [], topics, index, remedy } of cases) {
  test(`one index of two topics is refused, both are named, and the remedy helps: ${claim}`, () => {
    const [message = '', ...others] = mixedIn(files, topics, index === undefined ? options : unmapped(index));
    assert.deepEqual(others, []);
    for (const topic of topics) assert.ok(message.includes(`"${topic}"`), message);
    assert.match(message, remedy);
    const advised = /of its own, `unmapped\.index: ([^`]+)`/.exec(message)?.[1];
    if (advised !== undefined) assert.deepEqual(mixedIn([], topics, unmapped(advised)), []);
    const document = /`document: ([^`]+)`/.exec(message)?.[1];
    if (document !== undefined) assert.deepEqual(mixedIn([fileOf(document, [...topics])], topics), []);
  });
}

test('two mapping files, or a file and `unmapped`, that make one index are refused, whatever a file states', () => {
  const stated = { rowsStayInTopic: true };
  const template = fileOf('shop-${table}', 'srv.a.orders', stated);
  for (const topic of ['srv.a.orders', 'srv.b.x']) {
    const [message = ''] = mixedIn([template, fileOf('shop-orders', topic, stated)], ['srv.a.orders', topic]);
    assert.match(message, /^The index "shop-orders" is made by shoptable\.yaml:1:11 and by shoporders\.yaml:1:11/);
  }
  const [message = ''] = mixedIn([fileOf('y', 'srv.a.x', stated)], ['srv.a.x', 'srv.a.y'], unmapped('${table}'));
  assert.match(
    message,
    /made by y\.yaml:1:11 and by `unmapped\.index: \$\{table\}` \(topics "srv\.a\.x" and "srv\.a\.y"\)/,
  );
});

test('several topics may fill one index if the file states that rows stay, or puts the topic into the id', () => {
  const topics = ['srv.a.x', 'srv.a.y'];
  for (const more of [{ rowsStayInTopic: true }, { id: { topic: true } }]) {
    assert.deepEqual(mixedIn([fileOf('all', topics, more)], topics), []);
  }
  assert.equal(mixedIn([fileOf('all', topics, { rowsStayInTopic: false })], topics).length, 1);
});

test('the conflict is that of its document alone', () => {
  const files = [fileOf('all', ['srv.a.x', 'srv.a.y']), fileOf('other', 'srv.a.z')];
  const routes = createRoutes(files, options, new Set(['srv.a.x', 'srv.a.y', 'srv.a.z']));
  assert.equal(routes.conflictOf('all')?.code, 'TOPICS_MIXED');
  assert.equal(routes.conflictOf('other'), undefined);
});

/** `jobs` in PostgreSQL partitions without `publish.via.partition.root`: 80 open, one done, then job 3 moves. */
function runJobs(file: DocumentFile) {
  const routes = createRoutes([file], options, new Set(['srv.a.jobs_done', 'srv.a.jobs_open']));
  const index = new Map<string, { readonly version: string; readonly source: string | undefined }>();
  const take = (topic: string, at: number, op: string, row: object): void => {
    const image = op === 'd' ? { before: row, after: null } : { before: null, after: row };
    const event = createDecoder()({
      ...{ topic, partition: 0, offset: offset(at), timestampMs: 0, headers: undefined },
      key: Buffer.from(JSON.stringify(row)),
      value: Buffer.from(JSON.stringify({ ...image, source: { schema: 'a', table: topic }, op })),
    });
    assert.ok('key' in event && event.op !== 'truncate');
    for (const map of routes.mappersOf(topic)) {
      const mapped = map(event);
      assert.ok(mapped.kind === 'write', JSON.stringify(mapped));
      const { id, version } = mapped.write;
      const source = mapped.write.action === 'index' ? mapped.write.source.toString() : undefined;
      // As Elasticsearch judges external versions, as long as it remembers deletes.
      if (BigInt(index.get(id)?.version ?? -1) < BigInt(version)) index.set(id, { version: String(version), source });
    }
  };
  for (let id = 1; id <= 80; id += 1) take('srv.a.jobs_open', id - 1, 'c', { id, state: 'open' });
  take('srv.a.jobs_done', 0, 'c', { id: 81, state: 'done' });
  take('srv.a.jobs_open', 80, 'd', { id: 3, state: 'open' });
  take('srv.a.jobs_done', 1, 'c', { id: 3, state: 'done' });
  const sources = [...index.values()].flatMap(({ source }) => source ?? []);
  return { routes, sources: sources.toSorted() };
}

test('a row that moves from one partition of a table to a quieter one: refused, or in the index as in SQL', () => {
  const jobs = (more: object) => fileOf('jobs', ['srv.a.jobs_open', 'srv.a.jobs_done'], more);
  const sql = Array.from({ length: 81 }, (_, at) => {
    const id = at + 1;
    return JSON.stringify({ id, state: id === 3 || id === 81 ? 'done' : 'open' });
  }).toSorted();
  const byColumn = runJobs(jobs({ id: { from: ['id'] } }));
  assert.notDeepEqual(byColumn.sources, sql, 'the offsets of two topics cannot be compared');
  assert.equal(byColumn.routes.conflictOf('jobs')?.code, 'TOPICS_MIXED');
  const withTopic = runJobs(jobs({ id: { from: ['id'], topic: true } }));
  assert.equal(withTopic.routes.conflictOf('jobs'), undefined);
  assert.deepEqual(withTopic.sources, sql);
});

test('a topic that comes while Sluice runs is told once, and so is that the next start will be refused', async () => {
  const clock = createManualClock();
  const over = new AbortController();
  const told: string[] = [];
  const existing = new Set(['srv.a.main', 'srv.a.other']);
  let asked = Promise.withResolvers<undefined>();
  const routesWith = (now: ReadonlySet<string>) => createRoutes([], unmapped('${table}'), now);
  const watching = watchArrivals(
    {
      listTopics: () => {
        asked.resolve(undefined);
        return Promise.resolve(new Set(existing));
      },
      ...{ routesWith, topics: routesWith(existing).topics, everyMs: 1000, clock },
      warned: ({ code, message }) => told.push(`${code} ${message}`),
    },
    over.signal,
  );
  const look = async (): Promise<void> => {
    asked = Promise.withResolvers();
    clock.advance(1000);
    await asked.promise;
    // What follows the answer takes as many turns as there are promises in between.
    await new Promise(setImmediate);
  };
  await look();
  assert.deepEqual(told, []);
  existing.add('srv.b.main').add('srv.b.fresh').add('elsewhere');
  await look();
  await look();
  over.abort();
  await watching;
  const [fresh = '', main = '', ...more] = told.toSorted();
  assert.deepEqual(more, []);
  assert.match(fresh, /^TOPIC_UNREAD The topic "srv\.b\.fresh", .* is not read until a restart\.$/);
  assert.match(
    main,
    /^TOPIC_UNREAD The topic "srv\.b\.main", .*next start will be refused: .*"srv\.a\.main" and "srv\.b\.main"/,
  );
});
