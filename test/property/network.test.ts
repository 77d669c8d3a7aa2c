import assert from 'node:assert/strict';
import { BlockList, isIP } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { cidr, inet } from '../../src/convert/network.ts';
import { budget } from './budget.ts';

const value = (text: string | undefined): string => JSON.parse(text ?? 'null') as string;
const family = (address: string) => (isIP(address) === 4 ? 'ipv4' : 'ipv6');

test('an address keeps its digits and loses its prefix; a network holds the addresses that it held', () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), fc.nat({ max: 128 }), (address, bits) => {
      const prefix = Math.min(bits, isIP(address) === 4 ? 32 : 128);
      assert.equal(value(inet(JSON.stringify(`${address}/${prefix}`))), address);
      assert.equal(value(inet(JSON.stringify(address))), address);
      const [network = '', length = ''] = value(cidr(JSON.stringify(`${address}/${prefix}`))).split('/');
      assert.ok(isIP(network) > 0, network);
      const list = new BlockList();
      list.addSubnet(network, Number(length), family(network));
      assert.ok(list.check(address, family(address)), `${network}/${length} has not ${address}`);
    }),
    budget(1000),
  );
  assert.equal(cidr('"10.0.0.1"'), '"10.0.0.1/32"');
  assert.equal(cidr('"::1"'), '"::1/128"');
  assert.equal(cidr('"::ffff:10.0.0.0/104"'), '"10.0.0.0/8"');
  for (const wrong of ['"example.org"', '""', '7', '"10.0.0.0/8/8"']) assert.equal(inet(wrong), undefined, wrong);
});
