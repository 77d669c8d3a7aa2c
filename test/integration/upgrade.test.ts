/**
 * Indexes, offsets, dead letters and control documents as earlier versions wrote them (`test/fixtures/upgrades`, recorded from the real
 * commit), under this version: taken over, never refused, and never made twice. A change of a format adds a file there.
 */
import assert from 'node:assert/strict';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Control } from '../../src/rebuild/handover.ts';
import { startStack } from '../stack/stack.ts';
import { untilTrue } from './poll.ts';
import type { Rows } from './rows.ts';
import { openRows } from './rows.ts';

const stack = await startStack({ servers: ['kafka', 'elasticsearch'] });
test.after(() => stack.stop());

/** What a version left, of a document `upgraded` made of the three records below; the second of them is a dead letter. */
interface Left {
  readonly mapping: string;
  readonly indexes: Readonly<Record<string, IndexBody>>;
  readonly control: Control;
  readonly offsets: readonly { readonly partition: number; readonly offset: string; readonly metadata: string }[];
  readonly letter: {
    readonly key: string;
    readonly value: string;
    readonly headers: Readonly<Record<string, string>>;
  };
}

interface IndexBody {
  readonly aliases: object;
  readonly mappings: { readonly _meta: { readonly sluice: Readonly<Record<string, unknown>> } };
  readonly settings: object;
}

const folder = join(import.meta.dirname, '..', 'fixtures', 'upgrades');
const recordedName = 'upgraded';
const records = [
  { id: 1, after: { n: 1, s: 'A' } },
  { id: 2, after: { n: 'poison', s: 'B' } },
  { id: 3, after: { n: 3, s: 'C' } },
];

/** Puts back what was recorded, under another name and with the id of the topic that is there now. */
async function putBack(text: string, rows: Rows, topicId: string): Promise<Left> {
  const [, recordedId = ''] = /"topicId\\":\\"(\w+)/.exec(text) ?? [];
  const left = JSON.parse(text.replaceAll(recordedName, rows.index).replaceAll(recordedId, topicId)) as Left;
  for (const [index, body] of Object.entries(left.indexes)) {
    const made = await rows.elasticsearch('PUT', index, body);
    assert.ok(made.ok, await made.text());
    for (const { id, after } of [records[0], records[2]].flatMap((record) => record ?? [])) {
      const path = `${index}/_doc/${id}?version_type=external&version=${id - 1}`;
      await rows.elasticsearch('PUT', path, { id, ...after, s: after.s.toLowerCase() });
    }
  }
  await rows.admin.setOffsets({
    groupId: rows.index,
    topic: rows.topic,
    partitions: left.offsets.map(({ partition, offset }) => ({ partition, offset })),
  });
  return left;
}

/** The id that the brokers gave a topic: Sluice remembers it with the first index that it makes. */
async function topicIdOf(rows: Rows): Promise<string> {
  const answer = await rows.elasticsearch('GET', `${rows.index}-000001/_mapping`);
  const [described] = Object.values((await answer.json()) as Record<string, { mappings: IndexBody['mappings'] }>);
  const topics = described?.mappings._meta.sluice['topics'] as Readonly<Record<string, { readonly id: string }>>;
  return topics[rows.topic]?.id ?? '';
}

const metaOf = async (rows: Rows, index: string): Promise<Readonly<Record<string, unknown>>> => {
  const answer = await rows.elasticsearch('GET', `${index}/_mapping`);
  const [described] = Object.values((await answer.json()) as Record<string, { mappings: IndexBody['mappings'] }>);
  return described?.mappings._meta.sluice ?? {};
};

for (const file of (await readdir(folder)).filter((name) => name.endsWith('.json'))) {
  const text = await readFile(join(folder, file), 'utf8');
  const { mapping } = JSON.parse(text) as Left;

  test(`${file}: what that version left is taken over as it is, goes on, and is rebuilt and finished by this one`, async () => {
    const name = `upgrade-${process.pid}`;
    const environment = {
      SLUICE_INDEX_LOOK_MS: '500',
      SLUICE_REBUILD_POLL_MS: '300',
      SLUICE_REBUILD_CONTROL_INDEX: `${name}-control`,
    };
    await using rows = await openRows({ ...stack.addresses, name, mapping, environment });
    await rows.send(records);
    {
      // For the id of the topic; all else of it is removed.
      await using first = await rows.startService();
      await rows.caughtUp();
      await first.stop();
    }
    const topicId = await topicIdOf(rows);
    await rows.elasticsearch('DELETE', `${name}-000001`);
    const left = await putBack(text, rows, topicId);
    const control = { aliases: { [`${name}-control-writes`]: { is_write_index: true } } };
    await rows.elasticsearch('PUT', `${name}-control`, control);
    await rows.elasticsearch('PUT', `${name}-control/_doc/${name}?refresh`, { control: left.control });

    await using service = await rows.startService();
    assert.deepEqual((await service.status()).doubts, {}, service.output());
    assert.doesNotMatch(service.output(), /INDEX_INCOMPATIBLE|INDEX_INCOMPLETE|TOPIC_RECREATED|Created /);
    const [live] = [left.control.live];
    await untilTrue('the index remembers from now on', async () => 'contents' in (await metaOf(rows, live)));
    // The rebuild that it left warm: both generations are written, and there is a way back and forward.
    await rows.send([{ id: 4, after: { n: 4, s: 'D' } }]);
    await rows.caughtUp();
    for (const index of Object.keys(left.indexes)) {
      const response = await rows.elasticsearch('GET', `${index}/_source/4`);
      assert.deepEqual(await response.json(), { id: 4, n: 4, s: 'd' });
    }
    for (const args of [
      ['rollback', name],
      ['rollback', name, '--forward'],
      ['rebuild', 'finish', name],
    ]) {
      const { code, stdout, stderr } = await rows.run(...args);
      assert.equal(code, 0, stdout + stderr);
    }
    const indexes = await (await rows.elasticsearch('GET', `_cat/indices/${name}-0*?h=index`)).text();
    assert.equal(indexes.trim(), live);
    // Its dead letter is the only document that is missing.
    const verified = await rows.run('verify', name, '--json');
    const report = JSON.parse(verified.stdout.trim().split('\n').at(-1) ?? '') as { examples: unknown };
    assert.deepEqual(report.examples, { missing: ['2'] });
    // An older instance remembers topics without what it does not know, which stays.
    const { topics, ...others } = await metaOf(rows, live);
    await rows.elasticsearch('PUT', `${live}/_mapping`, { _meta: { sluice: { ...others, topics } } });
    assert.ok('contents' in (await metaOf(rows, live)));
    await service.stop();

    await writeFile(join(rows.folder, 'rows.yaml'), `document: ${name}\nfrom: ${rows.topic}\n`);
    const checked = await rows.run('check');
    assert.match(checked.stderr, /has documents that another definition of `upgrade-\d+` made/);
    await rows.elasticsearch('DELETE', live);
    await rows.elasticsearch('DELETE', `${name}-control`);
  });
}
