/** What every sink does, as its port says; run against each of them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DocumentWrite } from '../../src/model/document.ts';
import type { WriteOutcome } from '../../src/model/outcome.ts';
import { externalVersion, offset } from '../../src/model/position.ts';
import type { Sink } from '../../src/pipeline/ports.ts';

/** A sink and a way to look behind it. */
export interface SinkUnderTest {
  readonly sink: Sink;
  /** An alias that takes any object, unlike that of any other test. */
  newIndex(): Promise<string>;
  /** The text of a document; undefined if there is none. */
  read(index: string, id: string): Promise<string | undefined>;
}

export function describeSink(name: string, open: () => Promise<SinkUnderTest>): void {
  const { signal } = new AbortController();
  const version = (at: number, epoch = 0) => externalVersion(epoch, offset(at));
  const index = (alias: string, id: string, at: number, source = `{"at":${at}}`): DocumentWrite => ({
    action: 'index',
    index: alias,
    id,
    version: version(at),
    source: Buffer.from(source),
  });
  const remove = (alias: string, id: string, at: number): DocumentWrite => ({
    action: 'delete',
    index: alias,
    id,
    version: version(at),
  });
  const statuses = (outcomes: readonly WriteOutcome[]) => outcomes.map(({ status }) => status);

  test(`${name}: one outcome per write, in their order`, async () => {
    const { sink, newIndex, read } = await open();
    const alias = await newIndex();
    await sink.write([index(alias, 'b', 9)], signal);
    const writes = [index(alias, 'a', 1), index(alias, 'b', 2), remove(alias, 'nobody', 3), index(alias, 'c', 4)];
    assert.deepEqual(statuses(await sink.write(writes, signal)), ['applied', 'superseded', 'applied', 'applied']);
    assert.deepEqual(
      [await read(alias, 'a'), await read(alias, 'b'), await read(alias, 'c')],
      ['{"at":1}', '{"at":9}', '{"at":4}'],
    );
  });

  test(`${name}: a replay changes nothing (G2)`, async () => {
    const { sink, newIndex, read } = await open();
    const alias = await newIndex();
    const log = [index(alias, 'a', 1), index(alias, 'a', 2), remove(alias, 'a', 3), index(alias, 'a', 4)];
    for (const write of log) await sink.write([write], signal);
    for (let from = 0; from < log.length; from += 1) {
      for (const write of log.slice(from)) {
        assert.deepEqual(statuses(await sink.write([write], signal)), ['superseded']);
        assert.equal(await read(alias, 'a'), '{"at":4}');
      }
    }
  });

  test(`${name}: a deleted document stays deleted when an older write comes (G4)`, async () => {
    const { sink, newIndex, read } = await open();
    const alias = await newIndex();
    await sink.write([index(alias, 'a', 1)], signal);
    assert.deepEqual(statuses(await sink.write([remove(alias, 'a', 3)], signal)), ['applied']);
    assert.deepEqual(statuses(await sink.write([index(alias, 'a', 2)], signal)), ['superseded']);
    assert.equal(await read(alias, 'a'), undefined);
    assert.deepEqual(statuses(await sink.write([index(alias, 'a', 4)], signal)), ['applied']);
    // Never seen, deleted, and then an older write: the same.
    await sink.write([remove(alias, 'b', 3)], signal);
    assert.deepEqual(statuses(await sink.write([index(alias, 'b', 2)], signal)), ['superseded']);
  });

  test(`${name}: versions beyond 2^53 are told apart by their last digit`, async () => {
    const { sink, newIndex, read } = await open();
    const alias = await newIndex();
    const at = (offsetInEpoch: number, source: string): DocumentWrite => ({
      action: 'index',
      index: alias,
      id: 'a',
      version: version(offsetInEpoch, 32_767),
      source: Buffer.from(source),
    });
    await sink.write([at(2, '{"n":2}')], signal);
    assert.deepEqual(statuses(await sink.write([at(1, '{"n":1}')], signal)), ['superseded']);
    assert.deepEqual(statuses(await sink.write([at(3, '{"n":3}')], signal)), ['applied']);
    assert.equal(await read(alias, 'a'), '{"n":3}');
  });

  test(`${name}: ids and texts with quotes, backslashes and letters of every plane arrive as they are`, async () => {
    const { sink, newIndex, read } = await open();
    const alias = await newIndex();
    for (const id of ['a"b', 'a\\b', 'a/b?c#d', 'Zoë 𝒜 漢', '%41', ' ', '1:2\\:3']) {
      const source = JSON.stringify({ id });
      assert.deepEqual(statuses(await sink.write([index(alias, id, 1, source)], signal)), ['applied'], id);
      assert.equal(await read(alias, id), source, id);
    }
  });

  test(`${name}: a sink that was told to end rejects`, async () => {
    const { sink, newIndex } = await open();
    const alias = await newIndex();
    const ending = new AbortController();
    const writing = sink.write([index(alias, 'a', 1)], ending.signal);
    ending.abort(new Error('the end'));
    const ended = await writing.then(statuses, (error: unknown) => String(error));
    assert.ok(['applied', 'Error: the end'].includes(String(ended)), String(ended));
  });
}
