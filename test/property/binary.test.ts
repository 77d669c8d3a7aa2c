import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  bitsAsNumber,
  bitsAsText,
  bytesFromBase64,
  bytesFromBase64url,
  bytesFromHex,
} from '../../src/convert/binary.ts';
import { budget } from './budget.ts';

const quoted = (text: string): string => JSON.stringify(text);

/** As Java's BitSet writes bits: the first byte has the least significant, padded to the column's length. */
function bitSet(bits: string): string {
  const length = Math.ceil(bits.length / 8);
  const bytes = new Uint8Array(length);
  Array.from(bits)
    .reverse()
    .forEach((bit, at) => {
      const byte = Math.floor(at / 8);
      if (bit === '1') bytes[byte] = (bytes[byte] ?? 0) | (1 << (at % 8));
    });
  return quoted(Buffer.from(bytes).toString('base64'));
}

test('G9: bits are the number and the zeros and ones that SQL writes, of any length', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[01]{1,130}$/), (bits) => {
      assert.equal(bitsAsNumber(bitSet(bits)), BigInt(`0b${bits}`).toString());
      assert.equal(bitsAsText(bits.length)(bitSet(bits)), quoted(bits));
      assert.equal(bitsAsText()(bitSet(bits)), quoted(bits.padStart(Math.ceil(bits.length / 8) * 8, '0')));
    }),
    budget(2000),
  );
  assert.equal(bitsAsNumber('"xwcAAAAAAAA="'), '1991');
  assert.equal(bitsAsNumber('"//////////8="'), '18446744073709551615');
  assert.equal(bitsAsNumber('""'), '0');
  assert.equal(bitsAsNumber('"not bits"'), undefined);
  assert.equal(bitsAsNumber('true'), undefined);
});

test('bytes in any encoding are standard base64; what is of another encoding is refused', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const buffer = Buffer.from(bytes);
      const standard = quoted(btoa(String.fromCharCode(...bytes)));
      assert.equal(bytesFromHex(quoted(buffer.toString('hex'))), standard);
      assert.equal(bytesFromHex(quoted(buffer.toString('hex').toUpperCase())), standard);
      assert.equal(bytesFromBase64url(quoted(buffer.toString('base64url'))), standard);
      assert.equal(bytesFromBase64(standard), standard);
    }),
    budget(1000),
  );
  assert.equal(bytesFromHex('"0g"'), undefined);
  assert.equal(bytesFromHex('"abc"'), undefined);
  assert.equal(bytesFromBase64url('"-_8="'), '"+/8="');
  assert.equal(bytesFromBase64url('"+/8="'), undefined);
  assert.equal(bytesFromBase64('"-_8="'), undefined);
});
