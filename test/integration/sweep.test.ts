/** `sluice sweep` after a snapshot that found rows gone, and `sluice plan`. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startStack } from '../stack/stack.ts';
import type { RowChange } from './rows.ts';
import { openRows } from './rows.ts';

const stack = await startStack({ servers: ['kafka', 'elasticsearch'] });
test.after(() => stack.stop());

const read = (id: number, snapshot: string): RowChange => ({ id, op: 'r', after: { n: id }, source: { snapshot } });

test('documents that a completed snapshot did not confirm are swept on request, within a limit, and no others', async () => {
  await using rows = await openRows({ ...stack.addresses, name: 'sweep' });
  await using service = await rows.startService();
  const { index } = rows;
  const ids = Array.from({ length: 50 }, (_, n) => n + 1);
  await rows.send(ids.map((id) => ({ id, after: { n: 0 } })));
  await rows.caughtUp();

  const unknown = await rows.run('sweep', index, '--since-snapshot');
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /no record says that a snapshot began there/);

  // Rows 41 to 44 were deleted while nobody looked; 45 to 50 are confirmed by changes during the snapshot.
  await rows.send([read(1, 'first'), ...ids.slice(1, 20).map((id) => read(id, 'true'))]);
  await rows.caughtUp();
  const incomplete = await rows.run('sweep', index, '--since-snapshot');
  assert.equal(incomplete.code, 1);
  assert.match(incomplete.stderr, /The snapshot that began at sweep\.public\.rows\[0\]@50 is not complete/);

  await rows.send(ids.slice(44).map((id) => ({ id, op: 'u', after: { n: 1 } })));
  await rows.send([...ids.slice(20, 39).map((id) => read(id, 'true')), read(40, 'last')]);
  await rows.caughtUp();

  const shown = await rows.run('sweep', index, '--since-snapshot', '--json');
  assert.equal(shown.code, 0, shown.stderr);
  assert.deepEqual(JSON.parse(shown.stdout), {
    document: index,
    documents: 50,
    unconfirmed: 4,
    examples: ['41', '42', '43', '44'],
    since: ['sweep.public.rows[0]@50'],
  });
  assert.equal((await rows.run('sweep', index, '--since-snapshot', '--yes')).code, 2);
  const limited = await rows.run('sweep', index, '--since-snapshot', '--yes', '--max', '3');
  assert.equal(limited.code, 1);
  assert.match(limited.stderr, /4 documents would go, which is more than `--max 3`; nothing was deleted\./);
  const swept = await rows.run('sweep', index, '--since', '0:50', '--yes', '--max', '4');
  assert.equal(swept.code, 0, swept.stderr);
  assert.match(swept.stdout, /Deleted 4 documents; 0 are left\./);
  await rows.elasticsearch('POST', `${index}/_refresh`);
  const { count } = (await (await rows.elasticsearch('GET', `${index}/_count`)).json()) as { count: number };
  assert.equal(count, 46);

  // A row that comes back later is written.
  await rows.send([{ id: 41, after: { n: 2 } }]);
  await rows.caughtUp();
  assert.ok((await rows.elasticsearch('GET', `${index}/_doc/41`)).ok);
  await service.stop();
});

test('plan shows what would become of records of a topic and of a file, and writes nothing', async () => {
  await using rows = await openRows({ ...stack.addresses, name: 'plan', mapping: 'where: { n: { gt: 0 } }\n' });
  const { index, topic } = rows;
  await rows.send([
    { id: 1, after: { n: 1, big: '9' } },
    { id: 2, after: { n: 0 } },
    { id: 1, after: null },
  ]);
  const planned = await rows.run('plan', index, '--from', '0', '--count', '2', '--json');
  assert.equal(planned.code, 0, planned.stderr);
  const lines = planned.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as object);
  assert.deepEqual(lines.slice(0, 2), [
    { record: `${topic}[0]@0`, action: 'index', id: '1', version: '0', source: '{"id":1,"n":1,"big":"9"}' },
    { record: `${topic}[0]@1`, action: 'ignore', reason: 'left-out' },
  ]);
  assert.equal((lines[2] as { index: { state: string } }).index.state, 'absent');

  const records = [
    { topic, key: { id: 5 }, value: { id: 5, n: 1 } },
    {
      topic,
      keyText: '{"id":6}',
      valueText: '{"op":"c","before":null,"after":{"id":6,"n":9007199254740993},"source":{}}',
    },
  ];
  await writeFile(join(rows.folder, 'records.jsonl'), records.map((record) => JSON.stringify(record)).join('\n'));
  const fromFile = await rows.run('plan', index, '--file', 'records.jsonl');
  assert.equal(fromFile.code, 1, fromFile.stderr);
  assert.match(fromFile.stdout, /plan\.public\.rows\[0\]@0 +│ dead-letter/);
  assert.match(fromFile.stdout, /plan\.public\.rows\[0\]@1 +│ index +│ 6 +│ 1 +│ \{"id":6,"n":9007199254740993\}/);
  assert.equal((await rows.elasticsearch('GET', index)).status, 404);
  const other = await rows.run('plan', 'other');
  assert.equal(other.code, 2);
  assert.match(other.stderr, /not "other"/);
});
