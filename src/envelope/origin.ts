/**
 * Where an envelope comes from, by its `source`: each connector names collections and positions in its own way.
 */
import type { Origin } from '../model/change-event.ts';
import type { SourcePosition } from '../model/position.ts';
import { sourcePosition } from '../model/position.ts';
import type { Scanned } from '../json/scan.ts';
import { scanObject } from '../json/scan.ts';
import { jsonValue } from '../json/value.ts';

/** Where an envelope's parts that tell of its origin are; −1 where one is not. */
interface OriginParts {
  readonly source: number;
  readonly transaction: number;
}

/** A field of `source` as text; undefined if it is absent, null, or no scalar. */
export type SourceField = (name: string) => string | undefined;

/** What makes a position, by `source.connector` (facts of Debezium 3.6.1). */
const positionFields: Readonly<Record<string, readonly string[]>> = {
  postgresql: ['lsn'],
  mysql: ['file', 'pos', 'row'],
  mariadb: ['file', 'pos', 'row'],
  sqlserver: ['commit_lsn', 'change_lsn', 'event_serial_no'],
  oracle: ['commit_scn', 'scn'],
  db2: ['commit_lsn', 'change_lsn'],
  informix: ['commit_lsn', 'change_lsn'],
  mongodb: ['ts_ms', 'ord'],
  cassandra: ['file', 'pos'],
  vitess: ['vgtid'],
  spanner: ['ts_ms', 'sequence', 'mod_number'],
  cockroachdb: ['ts_hlc'],
  TiCDC: ['commit_ts'],
};

/** Of a connector that is not known. */
const anyPositionFields = [...new Set(Object.entries(positionFields).flatMap(([, fields]) => fields))].filter(
  (name) => name !== 'ts_ms' && name !== 'sequence' && name !== 'mod_number',
);

/** Debezium's name of the collection, such as `public.customers`; undefined if `source` does not say. */
export function collectionOf(source: SourceField): string | undefined {
  const said = (name: string): string | undefined => source(name) || undefined;
  const space = said('schema') ?? said('keyspace') ?? said('keyspace_name') ?? said('db');
  const table = said('table') ?? said('collection') ?? said('table_name');
  const names = [space, table].filter((name) => name !== undefined);
  return names.length === 0 ? undefined : names.join('.');
}

/** The position in the source's log, its parts separated by `:`. */
export function positionOf(source: SourceField): SourcePosition | undefined {
  const fields = positionFields[source('connector') ?? ''] ?? anyPositionFields;
  const values = fields.map(source).filter((value) => value !== undefined && value !== '');
  return values.length === 0 ? undefined : sourcePosition(values.join(':'));
}

/** The scalar fields of an envelope's `source`. */
export function sourceOf(text: string, scanned: Scanned, parts: OriginParts): SourceField {
  return scalarFields(text, scanned, parts.source);
}

/** Found when it is asked for: hardly any record's is. */
export class EnvelopeOrigin implements Origin {
  readonly #topic: string;
  readonly #text: string;
  readonly #scanned: Scanned;
  readonly #parts: OriginParts;

  constructor(topic: string, text: string, scanned: Scanned, parts: OriginParts) {
    this.#topic = topic;
    this.#text = text;
    this.#scanned = scanned;
    this.#parts = parts;
  }

  get collection(): string {
    return collectionOf(this.#source()) ?? this.#topic;
  }

  get connector(): string | undefined {
    return this.#source()('connector');
  }

  get position(): SourcePosition | undefined {
    return positionOf(this.#source());
  }

  get transaction(): string | undefined {
    return scalarFields(this.#text, this.#scanned, this.#parts.transaction)('id');
  }

  get txId(): string | undefined {
    return this.#source()('txId');
  }

  get snapshot(): string | undefined {
    return this.#source()('snapshot');
  }

  #source(): SourceField {
    return sourceOf(this.#text, this.#scanned, this.#parts);
  }
}

/** The scalar fields of the object in one part of an envelope. */
function scalarFields(text: string, scanned: Scanned, part: number): SourceField {
  const object = part === -1 ? undefined : scanObject(text, scanned.startOf(part), undefined);
  return (name) => {
    const field = object?.shape.columns.indexOf(name) ?? -1;
    if (object === undefined || field === -1) return undefined;
    return scalarText(object.valueIn(text, field));
  };
}

/** A string's characters, a number's digits; undefined for anything else. */
export function scalarText(text: string): string | undefined {
  if (!text.startsWith('"')) return /^-?\d/.test(text) ? text : undefined;
  try {
    const value = jsonValue(text);
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}
