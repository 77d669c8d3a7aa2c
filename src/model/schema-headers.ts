/**
 * Schema ids in headers: by Apicurio's serializers (eight bytes of a global or content id) and by Confluent's (0x01 and a GUID of 16
 * bytes, or 0x00 and an id of four bytes; for Protobuf the place of the message follows). A part of a record whose schema a header
 * names has no frame: its first bytes are a value.
 *
 * Apicurio: `SerdeHeaders` and `DefaultHeadersHandler` of its serdes 2 and 3; Confluent: `SchemaId` of its serializers 8.
 */
import type { RecordPart } from './frame.ts';
import type { Failure } from './outcome.ts';
import type { HeaderNameIndex, SourceRecord } from './record.ts';

/** Names of Apicurio's headers, which its serdes can be told to change. */
export interface HeaderNames {
  readonly keyGlobalId: string;
  readonly valueGlobalId: string;
  readonly keyContentId: string;
  readonly valueContentId: string;
  readonly keyEncoding: string;
  readonly valueEncoding: string;
}

export const defaultHeaderNames: HeaderNames = {
  keyGlobalId: 'apicurio.key.globalId',
  valueGlobalId: 'apicurio.value.globalId',
  keyContentId: 'apicurio.key.contentId',
  valueContentId: 'apicurio.value.contentId',
  keyEncoding: 'apicurio.key.encoding',
  valueEncoding: 'apicurio.value.encoding',
};

/**
 * What an id is an id of: `globalId` and `contentId` are Apicurio's, `guid` and `id` are Confluent's. `other`: a way of Apicurio's to
 * name a schema that is no id, and is not followed.
 */
export type IdKind = 'globalId' | 'contentId' | 'guid' | 'id' | 'other';

/** Which of the messages of a Protobuf file a value is, where the value does not tell: by name, or by its place in the file. */
export type ProtobufMessage = { readonly name: string | undefined } | { readonly indexes: Buffer };

/** The id of a schema that a header names. */
export interface HeaderSchemaId {
  readonly kind: IdKind;
  /** In digits; a GUID in its usual form. */
  readonly id: string;
  /** The header that holds it. */
  readonly header: string;
  readonly message: ProtobufMessage;
}

/** The id in the headers of a part of a record; undefined if they hold none; the reason if they cannot be followed. */
export type FindSchemaId = (record: SourceRecord, part: RecordPart) => HeaderSchemaId | Failure | undefined;

/** Names of the headers of one part. */
interface PartNames {
  readonly globalId: string;
  readonly contentId: string;
  readonly confluent: string;
  readonly encoding: string;
  readonly message: string;
  /** Other ways of Apicurio's to name a schema. */
  readonly others: readonly string[];
}

export function createSchemaIdFinder(given: HeaderNames = defaultHeaderNames): FindSchemaId {
  const parts: Readonly<Record<RecordPart, PartNames>> = {
    key: {
      globalId: given.keyGlobalId,
      contentId: given.keyContentId,
      confluent: '__key_schema_id',
      encoding: given.keyEncoding,
      message: 'apicurio.protobuf.type.key',
      others: ['apicurio.key.contentHash', 'apicurio.key.artifactId'],
    },
    value: {
      globalId: given.valueGlobalId,
      contentId: given.valueContentId,
      confluent: '__value_schema_id',
      encoding: given.valueEncoding,
      message: 'apicurio.protobuf.type',
      others: ['apicurio.value.contentHash', 'apicurio.value.artifactId'],
    },
  };
  const names = { key: indexOf(parts.key), value: indexOf(parts.value) };
  return (record, part) => {
    if (record.hasHeader?.(names[part]) === false) return undefined;
    const { headers } = record;
    if (headers === undefined) return undefined;
    return find((name) => lastOf(headers[name]), parts[part]);
  };
}

function indexOf({ globalId, contentId, confluent, others }: PartNames): HeaderNameIndex {
  const names = [globalId, contentId, confluent, ...others].map((name) => Buffer.from(name));
  return Map.groupBy(names, ({ length }) => length);
}

type Header = NonNullable<SourceRecord['headers']>[string];

/** Of several headers of one name the last one counts, as in the serdes. */
function lastOf(header: Header): Buffer | undefined {
  const last = Array.isArray(header) ? header.at(-1) : header;
  return typeof last === 'string' ? Buffer.from(last, 'latin1') : last;
}

function find(
  valueOf: (name: string) => Buffer | undefined,
  { globalId, contentId, confluent, encoding, message, others }: PartNames,
): HeaderSchemaId | Failure | undefined {
  // Apicurio's deserializers prefer the content id.
  const header = [contentId, globalId].find((name) => valueOf(name) !== undefined);
  const id = header === undefined ? undefined : valueOf(header);
  const confluentId = valueOf(confluent);
  if (header === undefined || id === undefined) {
    if (confluentId !== undefined) return confluentSchemaId(confluent, confluentId);
    const other = others.find((name) => valueOf(name) !== undefined);
    return other === undefined ? undefined : { kind: 'other', id: '', header: other, message: { name: undefined } };
  }
  if (confluentId !== undefined) {
    return refusal(
      `the headers \`${header}\` and \`${confluent}\` both name its schema, and nothing tells which is right`,
    );
  }
  if (id.length !== 8) return refusal(`the header \`${header}\` has ${bytesText(id)}, and an id has 8`);
  const written = valueOf(encoding)?.toString('latin1') ?? binary;
  if (written !== binary) {
    const seen = /^\w{1,20}$/.test(written) ? written : 'something else';
    return refusal(`the header \`${encoding}\` says ${seen}, and Sluice reads Avro in its encoding ${binary} only`);
  }
  const kind = header === contentId ? 'contentId' : 'globalId';
  const name = valueOf(message)?.toString();
  return { kind, id: String(id.readBigInt64BE(0)), header, message: { name } };
}

const binary = 'BINARY';

function confluentSchemaId(header: string, bytes: Buffer): HeaderSchemaId | Failure {
  const [version] = bytes;
  if (version === 0 && bytes.length >= 5) {
    return { kind: 'id', id: String(bytes.readUInt32BE(1)), header, message: { indexes: bytes.subarray(5) } };
  }
  if (version === 1 && bytes.length >= 17) {
    const id = bytes.toString('hex', 1, 17).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
    return { kind: 'guid', id, header, message: { indexes: bytes.subarray(17) } };
  }
  return refusal(`the header \`${header}\` holds no schema id that Sluice knows (${bytesText(bytes)})`);
}

function bytesText({ length }: Buffer): string {
  return length === 1 ? '1 byte' : `${length} bytes`;
}

const refusal = (message: string): Failure => ({ code: 'SCHEMA_IN_HEADER', message });

/** Refuses a part whose header names a schema of `kind`, which the configuration does not tell where to find. */
export function unresolved({ header, kind }: HeaderSchemaId): Failure {
  const seen = `its schema is named by the header \`${header}\``;
  if (kind === 'other')
    return refusal(`${seen}, which is no id; set \`apicurio.registry.use-id=contentId\` in its writer`);
  const setting = kind === 'globalId' || kind === 'contentId' ? 'apicurioUrls' : 'urls';
  return refusal(`${seen}, and \`schemaRegistry.${setting}\` is not set`);
}

/** Whether the bytes are a whole JSON object, which can be read without its schema. */
export function isJsonObject(bytes: Buffer): boolean {
  if (bytes[0] !== 0x7b) return false;
  try {
    JSON.parse(bytes.toString());
    return true;
  } catch {
    return false;
  }
}
