import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createMessages } from '../../../src/kafka/socket.ts';

/** A message with its length before it. */
function framed(bytes: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

test('messages are whole, however they are cut on the way, and the buffer that they are read into may be used again', () => {
  const message = fc.uint8Array({ maxLength: 40 });
  fc.assert(
    fc.property(fc.array(message, { maxLength: 8 }), fc.array(fc.integer({ min: 1, max: 30 })), (sent, cuts) => {
      const stream = Buffer.concat(sent.map(framed));
      const got: Buffer[] = [];
      const messages = createMessages((one) => got.push(one));
      const reused = Buffer.alloc(stream.length);
      for (let at = 0, cut = 0; at < stream.length; cut += 1) {
        const size = Math.min(cuts[cut % Math.max(1, cuts.length)] ?? stream.length, stream.length - at);
        stream.copy(reused, 0, at, at + size);
        assert.ok(messages.take(reused.subarray(0, size)));
        reused.fill(0xff);
        at += size;
      }
      assert.deepEqual(got, sent.map(framed));
    }),
  );
});

test('what is no message of Kafka’s is refused', () => {
  const messages = createMessages(() => assert.fail('nothing is complete'));
  assert.ok(!messages.take(Buffer.from('HTTP/1.1 400 Bad Request')));
});
