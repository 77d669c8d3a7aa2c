/**
 * A message's bytes → JSON text. Fields may come in any order and more than once, so each has a slot in a list of texts, which
 * begins as what an empty message says; the last value counts, except that repeated fields are appended to, maps keep one
 * value a key, embedded messages are merged, and a member of a oneof takes the place of the others.
 *
 * Rules: https://protobuf.dev/programming-guides/encoding/#last-one-wins
 */
import type { Cursor, ReadText } from './cursor.ts';
import { fail } from './cursor.ts';
import { maxDepth, skipValue, uint32, wire } from './protobuf-wire.ts';

/** A field of a message. */
export interface Slot {
  readonly name: string;
  readonly number: number;
  /** How one value is written. */
  readonly wire: number;
  /** Reads one value that stands after its tag. */
  readonly read: ReadText;
  readonly kind: 'one' | 'required' | 'repeated' | 'map';
  /** The text of a field that is not there; that of `repeated` and `map` is not asked for. */
  readonly absent: string;
  /** Whether values are embedded messages. */
  readonly isMessage: boolean;
  /** The oneof that it is a member of. */
  readonly oneof?: object | undefined;
  /** Of a map: its entries, a message of the slots `key` and `value`, and whether they are written as pairs. */
  readonly map?: { readonly entry: Message; readonly asPairs: boolean };
}

/** Made before its fields are known, for they may hold the message itself. */
export interface Message {
  layout: Layout | undefined;
}

interface Place extends Slot {
  readonly at: number;
  /** The other members of its oneof. */
  readonly rivals: readonly number[];
}

interface Layout {
  readonly places: ReadonlyMap<number, Place>;
  /** The text of each slot in an empty message; of a repeated field all but the closing bracket. */
  readonly absent: readonly string[];
  readonly required: readonly number[];
  readonly render: (texts: readonly string[]) => string;
}

/** Says what the message's fields are. `render` makes its text of theirs, in the order of `slots`; an object if not given. */
export function complete(
  message: Message,
  slots: readonly Slot[],
  render: (texts: readonly string[]) => string = objectOf(slots),
): void {
  const places = slots.map((slot, at) => ({
    ...slot,
    at,
    rivals: slots.flatMap(({ oneof }, other) =>
      oneof !== undefined && oneof === slot.oneof && other !== at ? other : [],
    ),
  }));
  message.layout = {
    places: new Map(places.map((place) => [place.number, place])),
    absent: slots.map(({ kind, absent }) => (kind === 'repeated' ? '[' : absent)),
    required: places.filter(({ kind }) => kind === 'required').map(({ at }) => at),
    render,
  };
}

function objectOf(slots: readonly Slot[]): (texts: readonly string[]) => string {
  const closing = (slot: Slot | undefined): string => (slot?.kind === 'repeated' ? ']' : '');
  const tokens = slots.map(
    ({ name }, at) => `${closing(slots[at - 1])}${at === 0 ? '{' : ','}${JSON.stringify(name)}:`,
  );
  const end = `${closing(slots.at(-1))}}`;
  if (slots.length === 0) return () => '{}';
  return (texts) => {
    let text = '';
    for (let at = 0; at < tokens.length; at += 1) text += (tokens[at] ?? '') + (texts[at] ?? '');
    return text + end;
  };
}

/** A message that ends where the bytes end. */
export function readMessage(message: Message, cursor: Cursor): string {
  const layout = message.layout ?? fail();
  return layout.render(readFields(layout, cursor, cursor.bytes.length));
}

/** A message that begins with its length. */
export function readEmbedded(message: Message, cursor: Cursor): string {
  const layout = message.layout ?? fail();
  return layout.render(readEmbeddedFields(layout, cursor));
}

function readEmbeddedFields(layout: Layout, cursor: Cursor): string[] {
  const length = uint32(cursor);
  const end = cursor.at + length;
  if (end > cursor.bytes.length || cursor.depth >= maxDepth) fail();
  cursor.depth += 1;
  const texts = readFields(layout, cursor, end);
  cursor.depth -= 1;
  return texts;
}

/** What only few messages need, made when it is needed. */
interface Extra {
  readonly maps: Map<Place, Map<string, string>>;
  /** Embedded messages that came more than once, each merged. */
  readonly merged: Map<Place, string>;
}

function readFields({ places, absent, required }: Layout, cursor: Cursor, end: number): string[] {
  const texts = absent.slice();
  const start = cursor.at;
  let extra: Extra | undefined;
  let missing = required;
  while (cursor.at < end) {
    const tag = uint32(cursor);
    const place = places.get(tag >>> 3);
    if (place === undefined) {
      skipUnknown(cursor, tag);
      continue;
    }
    const { at, kind } = place;
    if ((tag & 7) !== place.wire) {
      const isPacked = kind === 'repeated' && (tag & 7) === wire.bytes;
      if (isPacked) texts[at] = appendPacked(texts[at] ?? '', place, cursor);
      else skipUnknown(cursor, tag);
    } else if (kind === 'repeated') {
      texts[at] = append(texts[at] ?? '', place.read(cursor));
    } else if (kind === 'map') {
      extra ??= { maps: new Map(), merged: new Map() };
      putEntry(extra.maps, place, cursor);
    } else {
      if (place.isMessage && texts[at] !== place.absent) {
        extra ??= { maps: new Map(), merged: new Map() };
        texts[at] = merge(extra.merged, place, cursor, { start, end, places });
      } else {
        texts[at] = place.read(cursor);
      }
      for (const rival of place.rivals) texts[rival] = 'null';
      if (kind === 'required') missing = missing.filter((other) => other !== at);
    }
  }
  if (cursor.at !== end || missing.length > 0) fail();
  if (extra !== undefined) for (const [place, entries] of extra.maps) texts[place.at] = mapText(place, entries);
  return texts;
}

/** The number of a field is never 0. */
function skipUnknown(cursor: Cursor, tag: number): void {
  if (tag >>> 3 === 0) fail();
  skipValue(cursor, tag);
}

/** `texts` is all but the closing bracket. */
function append(texts: string, text: string): string {
  return texts.length === 1 ? texts + text : `${texts},${text}`;
}

function appendPacked(before: string, { read }: Place, cursor: Cursor): string {
  const length = uint32(cursor);
  const end = cursor.at + length;
  if (end > cursor.bytes.length) fail();
  let texts = before;
  while (cursor.at < end) texts = append(texts, read(cursor));
  if (cursor.at !== end) fail();
  return texts;
}

function putEntry(maps: Map<Place, Map<string, string>>, place: Place, cursor: Cursor): void {
  const entries = maps.get(place) ?? new Map<string, string>();
  maps.set(place, entries);
  const layout = place.map?.entry.layout ?? fail();
  const [key = fail(), value = fail()] = readEmbeddedFields(layout, cursor);
  // An entry without its value has an empty message.
  entries.set(
    key,
    value === 'null' ? (layout.places.get(2)?.read({ ...cursor, bytes: noBytes, at: 0 }) ?? fail()) : value,
  );
}

/** A length of 0. */
const noBytes = Buffer.from([0]);

/** As JsonConverter writes maps: an object, or pairs where keys are no strings. */
function mapText({ map }: Place, entries: ReadonlyMap<string, string>): string {
  const asPairs = map?.asPairs === true;
  let text = '';
  for (const [key, value] of entries) {
    text += text === '' ? '' : ',';
    text += asPairs ? `[${key},${value}]` : `${key}:${value}`;
  }
  return asPairs ? `[${text}]` : `{${text}}`;
}

/** Where a message stands whose field came more than once. */
interface Whole {
  readonly start: number;
  readonly end: number;
  readonly places: ReadonlyMap<number, Place>;
}

/**
 * Embedded messages of one field are merged, which is what their bytes say one after the other. The first that is met again
 * has the whole message searched for others; so each message is searched once a field, however often it comes.
 */
function merge(merged: Map<Place, string>, place: Place, cursor: Cursor, { start, end, places }: Whole): string {
  const known = merged.get(place);
  if (known !== undefined) {
    skipValue(cursor, wire.bytes);
    return known;
  }
  const search: Cursor = { bytes: cursor.bytes, at: start, depth: cursor.depth };
  let pieces: Buffer[] = [];
  while (search.at < end) {
    const tag = uint32(search);
    const from = search.at;
    skipValue(search, tag);
    const found = places.get(tag >>> 3);
    if (found === place && (tag & 7) === wire.bytes) {
      const body: Cursor = { ...search, at: from };
      const length = uint32(body);
      pieces.push(search.bytes.subarray(body.at, body.at + length));
    } else if (found !== undefined && place.rivals.includes(found.at)) {
      // A rival took its place; what comes after is a new beginning.
      pieces = [];
    }
  }
  const whole = Buffer.concat(pieces);
  const text = place.read({ bytes: Buffer.concat([lengthOf(whole), whole]), at: 0, depth: cursor.depth });
  merged.set(place, text);
  skipValue(cursor, wire.bytes);
  return text;
}

function lengthOf({ length }: Buffer): Buffer {
  const bytes: number[] = [];
  let rest = length;
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]);
}
