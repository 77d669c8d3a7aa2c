/** Damage that is done to real records: to their bytes, to their JSON, and by mixing them. Chosen by a seed, so that it can be done again. */
import { LosslessNumber, isLosslessNumber, parse, stringify } from 'lossless-json';
import type { SourceRecord } from '../../src/model/record.ts';

/** Numbers that look random and are the same for the same seed. */
export interface Dice {
  /** A whole number from 0 up to, not including, `limit`; 0 if that is 0. */
  below(limit: number): number;
  oneOf<T>(choices: readonly [T, ...T[]]): T;
}

/** Mulberry32. */
export function createDice(seed: number): Dice {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number): number => Math.floor(next() * limit);
  return { below, oneOf: (choices) => choices[below(choices.length)] ?? choices[0] };
}

type OfBytes = (bytes: Buffer, dice: Dice) => Buffer;

const flip: OfBytes = (bytes, dice) => {
  const damaged = Buffer.from(bytes);
  for (let left = 1 + dice.below(4); left > 0 && damaged.length > 0; left -= 1) {
    damaged[dice.below(damaged.length)] = dice.below(256);
  }
  return damaged;
};

const cut: OfBytes = (bytes, dice) => bytes.subarray(0, dice.below(bytes.length + 1));

const insert: OfBytes = (bytes, dice) => {
  const at = dice.below(bytes.length + 1);
  const added = dice.oneOf([
    '"',
    '\\',
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '\n',
    '\r\n',
    '\u0000',
    ' ',
    '\u2028',
    '-',
    '0',
    '/*',
  ]);
  return Buffer.concat([bytes.subarray(0, at), Buffer.from(added), bytes.subarray(at)]);
};

const repeat: OfBytes = (bytes, dice) => {
  const from = dice.below(bytes.length + 1);
  const to = Math.min(bytes.length, from + dice.below(60));
  return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)]);
};

const remove: OfBytes = (bytes, dice) => {
  const from = dice.below(bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + 1 + dice.below(20))]);
};

/** The frame of a schema registry: another id, another first byte, or nothing behind it. */
const reframe: OfBytes = (bytes, dice) => {
  if (bytes.length < 5) return bytes;
  const damaged = Buffer.from(bytes);
  const kind = dice.below(3);
  if (kind === 0) damaged.writeUInt32BE(dice.below(60), 1);
  else if (kind === 1) damaged[0] = dice.below(2);
  return kind === 2 ? damaged.subarray(0, 5 + dice.below(4)) : damaged;
};

/** A name twice in one object, each with a value of its own. */
const twice: OfBytes = (bytes, dice) => {
  const text = bytes.toString();
  const names = [...text.matchAll(/([{,])("(?:[^"\\]|\\.)*":)/g)];
  const name = names[dice.below(names.length)];
  if (name === undefined) return bytes;
  const at = name.index + 1;
  return Buffer.from(
    `${text.slice(0, at)}${name[2] ?? ''}${dice.oneOf(['1', 'null', '"twice"', '{}'])},${text.slice(at)}`,
  );
};

/** An object or array, and the name or position of something in it. */
interface Place {
  readonly holder: Record<string, unknown>;
  readonly name: string;
}

const isNode = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !isLosslessNumber(value);

function placesIn(tree: unknown): readonly Place[] {
  const places: Place[] = [];
  const open = [tree];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (!isNode(node)) continue;
    for (const name of Object.keys(node)) {
      places.push({ holder: node, name });
      if (isNode(node[name])) open.push(node[name]);
    }
  }
  return places;
}

const bigNumbers = [
  '9007199254740993',
  '-9223372036854775808',
  '18446744073709551615',
  '1e400',
  '-0',
  '0.1000000000000000055',
  '1E-7',
  `1${'0'.repeat(60)}`,
];

function nested(depth: number): unknown {
  let value: unknown = new LosslessNumber('1');
  for (let left = depth; left > 0; left -= 1) value = left % 2 === 0 ? [value] : { deeper: value };
  return value;
}

/** Another value, of any type. */
function anyValue(dice: Dice): unknown {
  switch (dice.below(7)) {
    case 0:
      return new LosslessNumber(bigNumbers[dice.below(bigNumbers.length)] ?? '0');
    case 1:
      return dice.oneOf([null, true, false, '', [], {}]);
    case 2:
      return dice.oneOf([
        '\ud800',
        '😀\udc00',
        '\u0000',
        'a\nb',
        '\u2028',
        '{"a":1}',
        '[1,',
        '{"$oid":1}',
        '{"a":"\\q"}',
      ]);
    case 3:
      return nested(dice.oneOf([2, 30, 900]));
    case 4:
      return '__debezium_unavailable_value';
    case 5:
      return [new LosslessNumber('9007199254740993'), null, 'x'];
    default:
      return { deeper: new LosslessNumber('0.30000000000000004'), '': [] };
  }
}

type OfTree = (places: readonly Place[], dice: Dice) => void;

const change =
  (act: (place: Place, dice: Dice, places: readonly Place[]) => void): OfTree =>
  (places, dice) => {
    const place = places[dice.below(places.length)];
    if (place !== undefined) act(place, dice, places);
  };

const ofTree: readonly [OfTree, ...OfTree[]] = [
  change(({ holder, name }, dice) => {
    holder[name] = anyValue(dice);
  }),
  change(({ holder, name }, dice, places) => {
    const other = places[dice.below(places.length)];
    if (other === undefined || isNode(holder[name]) || isNode(other.holder[other.name])) return;
    [holder[name], other.holder[other.name]] = [other.holder[other.name], holder[name]];
  }),
  change(({ holder, name }) => {
    if (!Array.isArray(holder)) Reflect.deleteProperty(holder, name);
  }),
  change(({ holder }, dice) => {
    if (Array.isArray(holder)) holder.push(anyValue(dice));
    else
      holder[dice.oneOf(['added', '', '__deleted', 'op', 'schema', 'payload', 'before', 'a.b', '\ud800'])] =
        anyValue(dice);
  }),
  change(({ holder, name }) => {
    holder[name] = { deeper: holder[name] };
  }),
  change(({ holder, name }) => {
    holder[name] = isLosslessNumber(holder[name]) ? String(holder[name]) : stringify(holder[name]);
  }),
];

const json: OfBytes = (bytes, dice) => {
  let tree: unknown;
  try {
    tree = parse(bytes.toString());
  } catch {
    return flip(bytes, dice);
  }
  for (let left = dice.oneOf([1, 1, 1, 2, 4]); left > 0; left -= 1) dice.oneOf(ofTree)(placesIn(tree), dice);
  return Buffer.from(stringify(tree) ?? '');
};

/** Most of the damage leaves JSON, for what is no JSON is refused soon. */
const ofBytes: readonly [OfBytes, ...OfBytes[]] = [
  json,
  ...[json, json, json, json, json, json, json],
  ...[flip, flip, cut, insert, insert, repeat, remove, reframe, twice],
];

const damaged = (bytes: Buffer | null, dice: Dice): Buffer | null => {
  if (bytes === null || dice.below(50) === 0)
    return dice.oneOf([null, Buffer.alloc(0), Buffer.from('null'), Buffer.from('{}')]);
  return dice.oneOf(ofBytes)(bytes, dice);
};

/** The schema of one value before the payload of another. */
function otherSchema(value: Buffer | null, other: Buffer | null): Buffer | null {
  const [text, otherText] = [value?.toString() ?? '', other?.toString() ?? ''];
  const [at, otherAt] = [text.indexOf(',"payload":'), otherText.indexOf(',"payload":')];
  return at === -1 || otherAt === -1 ? value : Buffer.from(otherText.slice(0, otherAt) + text.slice(at));
}

function headersOf({ headers = {} }: SourceRecord, dice: Dice): SourceRecord['headers'] {
  const name = dice.oneOf([
    '__op',
    '__deleted',
    'id',
    '__debezium.newkey',
    '__debezium.oldkey',
    ...Object.keys(headers),
  ]);
  const value = dice.oneOf([
    undefined,
    Buffer.from('d'),
    Buffer.from([0xff]),
    '',
    '{"id":1}',
    [Buffer.from('{'), Buffer.from('u')],
  ]);
  return { ...headers, [name]: value };
}

/** A damaged copy of `record`; parts of `other` may have got into it. */
export function mutated(record: SourceRecord, other: SourceRecord, dice: Dice): SourceRecord {
  const { key, value } = record;
  switch (dice.below(20)) {
    case 0:
      return { ...record, key: damaged(key, dice) };
    case 1:
      return { ...record, key: damaged(key, dice), value: damaged(value, dice) };
    case 2:
      return { ...record, key: other.key };
    case 3:
      return { ...record, value: other.value };
    case 4:
      return { ...record, value: otherSchema(value, other.value) };
    case 5:
      return { ...record, headers: headersOf(record, dice), value: damaged(value, dice) };
    case 6:
    case 7:
      return record;
    default:
      return { ...record, value: damaged(value, dice) };
  }
}
