import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createMessages } from '../../../../src/kafka/kafkajs/socket.ts';

/** A message with its length before it. */
function framed(bytes: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** Puts bytes where they are wanted, as much as there is room for at once; false if they were refused. */
function put(messages: ReturnType<typeof createMessages>, bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length;) {
    const room = messages.room();
    const count = bytes.copy(room, 0, at, Math.min(bytes.length, at + room.length));
    if (!messages.filled(count)) return false;
    at += count;
  }
  return true;
}

test('messages are whole, however they are cut on the way, and none is touched after it was handed over', () => {
  const message = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    // Larger than what is read ahead.
    fc.integer({ min: 60_000, max: 150_000 }).map((size) => Buffer.alloc(size, size % 251)),
  );
  const cut = fc.oneof(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1000, max: 100_000 }));
  fc.assert(
    fc.property(fc.array(message, { maxLength: 8 }), fc.array(cut, { maxLength: 50 }), (sent, cuts) => {
      const stream = Buffer.concat(sent.map(framed));
      const got: Buffer[] = [];
      const messages = createMessages((one) => got.push(one));
      let at = 0;
      for (const size of [...cuts, stream.length]) {
        assert.ok(put(messages, stream.subarray(at, at + size)));
        at += size;
      }
      assert.deepEqual(got, sent.map(framed));
    }),
  );
});

test('what is no message of Kafka’s is refused', () => {
  const messages = createMessages(() => assert.fail('nothing is complete'));
  assert.ok(!put(messages, Buffer.from('HTTP/1.1 400 Bad Request')));
});
