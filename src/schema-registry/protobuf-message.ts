/**
 * A message's bytes → JSON text. Fields may come in any order and more than once, so each has a slot in a list of texts, which
 * begins as what an empty message says; the last value counts, except that repeated fields are appended to, maps keep one
 * value a key, embedded messages are merged, and a member of a oneof takes the place of the others.
 *
 * Rules: https://protobuf.dev/programming-guides/encoding/#last-one-wins
 */
import type { Cursor, ReadText } from './cursor.ts';
import { cursorAt, fail } from './cursor.ts';
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
  /** The text of a field that is not there; that of `repeated` is not asked for. */
  readonly absent: string;
  /** Of an embedded message: what it is made of. */
  readonly message?: Message | undefined;
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
  readonly places: readonly Place[];
  readonly byNumber: ReadonlyMap<number, Place>;
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
    places,
    byNumber: new Map(places.map((place) => [place.number, place])),
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
  const state = begin(layout);
  readFields(layout, cursor, cursor.bytes.length, state);
  return layout.render(finish(layout, state));
}

/** A message that begins with its length. */
export function readEmbedded(message: Message, cursor: Cursor): string {
  const layout = message.layout ?? fail();
  const state = begin(layout);
  readEmbeddedFields(layout, cursor, state);
  return layout.render(finish(layout, state));
}

/**
 * What was read of a message so far. Embedded messages are open until the message around them ends, so that those that come
 * in pieces are read once, each piece where it stands.
 */
interface State {
  readonly texts: string[];
  /** By slot. */
  inner: (State | undefined)[] | undefined;
  maps: (Map<string, string> | undefined)[] | undefined;
  missing: readonly number[];
}

function begin({ absent, required }: Layout): State {
  return { texts: absent.slice(), inner: undefined, maps: undefined, missing: required };
}

/** The texts of the message's fields, when nothing more comes. */
function finish({ places }: Layout, { texts, inner, maps, missing }: State): readonly string[] {
  if (missing.length > 0) fail();
  inner?.forEach((state, at) => {
    const layout = places[at]?.message?.layout;
    if (state !== undefined && layout !== undefined) texts[at] = layout.render(finish(layout, state));
  });
  maps?.forEach((entries, at) => {
    const place = places[at];
    if (entries !== undefined && place !== undefined) texts[at] = mapText(place, entries);
  });
  return texts;
}

function readEmbeddedFields(layout: Layout, cursor: Cursor, state: State): void {
  const length = uint32(cursor);
  const end = cursor.at + length;
  if (end > cursor.bytes.length || cursor.depth >= maxDepth) fail();
  cursor.depth += 1;
  readFields(layout, cursor, end, state);
  cursor.depth -= 1;
}

function readFields({ byNumber }: Layout, cursor: Cursor, end: number, state: State): void {
  const { texts } = state;
  while (cursor.at < end) {
    const tag = uint32(cursor);
    const place = byNumber.get(tag >>> 3);
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
      putEntry(state, place, cursor);
    } else {
      if (place.message === undefined) texts[at] = place.read(cursor);
      else readInner(state, at, place.message.layout ?? fail(), cursor);
      if (place.rivals.length > 0) drop(state, place.rivals);
      if (kind === 'required') state.missing = state.missing.filter((other) => other !== at);
    }
  }
  if (cursor.at !== end) fail();
}

function readInner(state: State, at: number, layout: Layout, cursor: Cursor): void {
  state.inner ??= [];
  const inner = (state.inner[at] ??= begin(layout));
  readEmbeddedFields(layout, cursor, inner);
}

/** Another member of the oneof has come. */
function drop({ texts, inner }: State, rivals: readonly number[]): void {
  for (const rival of rivals) {
    texts[rival] = 'null';
    if (inner !== undefined) inner[rival] = undefined;
  }
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

/** A length of 0. */
const noBytes = Buffer.from([0]);

function putEntry(state: State, { at, map }: Place, cursor: Cursor): void {
  state.maps ??= [];
  const entries = (state.maps[at] ??= new Map<string, string>());
  const layout = map?.entry.layout ?? fail();
  const entry = begin(layout);
  readEmbeddedFields(layout, cursor, entry);
  const [key = fail(), value = fail()] = finish(layout, entry);
  // An entry without its value has an empty message.
  entries.set(key, value === 'null' ? (layout.places[1]?.read(cursorAt(noBytes, 0)) ?? fail()) : value);
}

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
