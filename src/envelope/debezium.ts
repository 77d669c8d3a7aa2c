/**
 * Debezium's change event envelope: `{"before":…,"after":…,"source":{…},"transaction":…,"op":"c","ts_ms":…}`.
 *
 * It is recognised by its structure (an `op` that Debezium knows beside a `source` that names its connector), never by a
 * single name: tables have columns called `op`, `before` and `payload`.
 */
import type { Delete, Ignored, Row, RowSchema, Truncate, Upsert } from '../model/change-event.ts';
import type { Failure } from '../model/outcome.ts';
import type { SourceRecord } from '../model/record.ts';
import type { RowReader } from './json-row.ts';
import type { Scanned } from '../json/scan.ts';
import type { SourceField } from './origin.ts';
import { EnvelopeOrigin } from './origin.ts';

/** Where each part of an envelope is; −1 where it is not. */
export interface EnvelopeParts {
  readonly op: number;
  readonly before: number;
  readonly after: number;
  readonly source: number;
  readonly transaction: number;
}

/** What Debezium calls its operations; Cassandra's `i` is an insert, its `r` a range tombstone and no snapshot read. */
export type Operation = 'c' | 'u' | 'd' | 'r' | 't' | 'm' | 'i';

/** The parts of an object with these columns; undefined if no envelope has them. */
export function envelopeParts(columns: readonly string[]): EnvelopeParts | undefined {
  const part = (name: string): number => columns.indexOf(name);
  const parts = {
    op: part('op'),
    before: part('before'),
    after: part('after'),
    source: part('source'),
    transaction: part('transaction'),
  };
  return parts.op === -1 || parts.source === -1 ? undefined : parts;
}

/** Whether objects with these columns may be what is left of an envelope. */
export function mayBeRestOfEnvelope(columns: readonly string[]): boolean {
  return columns.includes('before') || columns.includes('after');
}

/**
 * Whether an object is what is left of an envelope that lost a part: an image that is an object, or an operation beside images that
 * are null. A flattened row is not: without a schema, its columns hold no objects.
 */
export function isRestOfEnvelope(text: string, scanned: Scanned): boolean {
  const textOf = (name: string): string => {
    const column = scanned.shape.columns.indexOf(name);
    return column === -1 ? 'null' : scanned.valueIn(text, column);
  };
  const images = [textOf('before'), textOf('after')];
  if (images.some((image) => image.startsWith('{'))) return true;
  return /^"[cudrtmi]"$/.test(textOf('op')) && images.every((image) => image === 'null');
}

/** The operation of an object that has an envelope's parts; undefined if it is no envelope after all. */
export function operationOf(text: string, scanned: Scanned, parts: EnvelopeParts): Operation | undefined {
  const at = scanned.startOf(parts.op);
  if (text.charCodeAt(at) !== 0x22 || text.charCodeAt(at + 2) !== 0x22) return undefined;
  if (text.charCodeAt(scanned.startOf(parts.source)) !== 0x7b) return undefined;
  const op = text.charAt(at + 1);
  switch (op) {
    case 'c':
    case 'u':
    case 'd':
    case 'r':
    case 't':
    case 'm':
    case 'i':
      return op;
    default:
      return undefined;
  }
}

const upserts: Readonly<Record<'c' | 'i' | 'u' | 'r', Upsert['op']>> = {
  c: 'create',
  i: 'create',
  u: 'update',
  r: 'read',
};

/** What the rows of one topic's envelopes are read with. */
export interface ImageReaders {
  readonly before: RowReader;
  readonly after: RowReader;
}

export interface Envelope {
  readonly text: string;
  readonly scanned: Scanned;
  readonly parts: EnvelopeParts;
  readonly operation: Operation;
  readonly schema: RowSchema | undefined;
  /** If it was read on the way. */
  readonly after: Row | undefined;
  /** The fields of `source`, where they are in no part of the envelope. */
  readonly source?: SourceField;
}

/** What an envelope says; a sentence if it lacks what its operation needs; a failure if it cannot be applied. */
export type EnvelopeSays = Upsert | Delete | Truncate | Ignored | Failure | string;

/** Reads the envelopes of one connector's kind. */
export type ReadEnvelope = (record: SourceRecord, key: Row | null, envelope: Envelope) => EnvelopeSays;

/** The image in one part of the envelope; null where there is none. */
export function imageOf({ text, scanned, schema }: Envelope, part: number, reader: RowReader): Row | null {
  return part === -1 ? null : (reader.read(text, scanned.startOf(part), schema)?.row ?? null);
}

/** Envelopes whose images are rows, as those of every relational connector. */
export function readEnvelope(
  record: SourceRecord,
  key: Row | null,
  envelope: Envelope,
  readers: ImageReaders,
): EnvelopeSays {
  const { text, scanned, parts, operation } = envelope;
  const origin = new EnvelopeOrigin(record.topic, text, scanned, parts);
  switch (operation) {
    case 'm':
      return { op: 'ignored', record, reason: 'logical-message' };
    case 't':
      return { op: 'truncate', record, origin, key };
    case 'd':
      return {
        op: 'delete',
        record,
        origin,
        key,
        before: imageOf(envelope, parts.before, readers.before),
        tombstone: false,
      };
    case 'c':
    case 'i':
    case 'u':
    case 'r': {
      const after = envelope.after ?? imageOf(envelope, parts.after, readers.after);
      if (after === null) return `operation "${operation}" has no row in \`after\``;
      return {
        op: upserts[operation],
        record,
        origin,
        key,
        before: imageOf(envelope, parts.before, readers.before),
        after,
      };
    }
  }
}
