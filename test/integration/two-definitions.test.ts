/** Two instances of one group with different mapping files: both say so, `status` shows it, and both go on. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startStack } from '../stack/stack.ts';
import { untilTrue } from './poll.ts';
import { openRows } from './rows.ts';

const stack = await startStack({ servers: ['kafka', 'elasticsearch'] });
test.after(() => stack.stop());

test('two configurations in one group are told on both sides and by `status`, until they are the same', async () => {
  const name = 'two_definitions';
  await using rows = await openRows({ ...stack.addresses, name, partitions: 2 });
  await using first = await rows.startService();
  await writeFile(
    join(rows.folder, 'rows.yaml'),
    `document: ${name}\nfrom: ${rows.topic}\nfields: { at: { exclude: true } }\n`,
  );
  await using second = await rows.startService();
  for (const [side, instance] of Object.entries({ first, second })) {
    await untilTrue(`the ${side} instance tells it`, () =>
      Promise.resolve(instance.output().includes('DEFINITIONS_DIFFER')),
    );
  }
  assert.match(first.output(), new RegExp(`/${second.pid} \\([0-9a-f]{8}\\) runs with other definitions`));
  assert.match(second.output(), new RegExp(`/${first.pid} \\([0-9a-f]{8}\\) runs with other definitions`));
  const status = await rows.run('status');
  assert.match(status.stdout, /! The instances run with different definitions of documents/);
  assert.match(
    status.stdout,
    new RegExp(`instance \\S+/${first.pid}: definitions [0-9a-f]{8}, not those of the files here`),
  );
  await rows.send([{ id: 1, after: { at: 5 } }]);
  await rows.caughtUp();
  await first.stop();
  await untilTrue('the end is told', () => Promise.resolve(second.output().includes('DEFINITIONS_DIFFER is over')));
});
