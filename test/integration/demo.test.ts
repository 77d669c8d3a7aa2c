/** The demo is the README's first promise: it ends well, and tells what it should. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';

test('the demo tells its story, each answer as SQL has it, and ends with 0', async () => {
  const child = spawn(process.execPath, [join(import.meta.dirname, '..', 'stack', 'demo.ts'), '--once']);
  const [out, error, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[number | null]>,
  ]);
  assert.equal(code, 0, `${out}${error}`);
  for (const id of [1001, 1002, 1003, 1004]) assert.ok(out.includes(`"_id" : "${id}"`), `customer ${id}`);
  for (const address of [
    /^Kafka localhost:\d+ · Kafka Connect http:\/\/localhost:\d+/m,
    /Sluice http:\/\/localhost:\d+$/m,
  ]) {
    assert.match(out, address);
  }
  for (const statement of ['INSERT INTO', 'UPDATE', 'SET id = 2005', 'DELETE FROM']) assert.ok(out.includes(statement));
  assert.equal(out.match(/searchable \d+ ms after the commit/g)?.length, 4);
  assert.match(out, /Every answer was what SQL says\./);
});
