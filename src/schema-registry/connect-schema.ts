/** What the readers of all kinds of schema have in common. */
import type { ColumnSchema, ConnectSchema, RowSchema } from '../model/change-event.ts';
import type { FramedValue } from '../model/frame.ts';
import type { ProtobufMessage } from '../model/schema-headers.ts';

/** How values of one registered schema are read. */
export interface SchemaReader {
  /**
   * The value in `bytes` from `at` to the end, with its schema (one object for all values of it); undefined if the bytes are
   * not what the schema promises. Total and synchronous. `message` says which Protobuf message the value is, where the value has no
   * frame that does.
   */
  read(bytes: Buffer, at: number, message?: ProtobufMessage): FramedValue | undefined;
}

/** Where all values have the same schema. */
export interface OneSchemaReader extends SchemaReader {
  readonly schema: ConnectSchema;
}

/** A schema that another one refers to, by the name under which it does so. */
export interface Reference {
  readonly name: string;
  readonly text: string;
}

/** A schema as it was registered. */
export interface RegisteredSchema {
  /** `AVRO`, `JSON`, `PROTOBUF`, or what else a registry keeps. */
  readonly type: string;
  readonly text: string;
  /** Schemas that it refers to, each after those that it refers to itself. */
  readonly references: readonly Reference[];
}

/** A schema's root as a column → what the decoder asks of a schema. `name`: of the whole; its semantic type if absent. */
export function connectSchemaOf(root: ColumnSchema, name = root.semantic): ConnectSchema {
  const part = (of: ColumnSchema | undefined, field: string): ColumnSchema | undefined =>
    of?.fields?.find((candidate) => candidate.name === field);
  const data = part(root, 'data');
  const images = [part(root, 'after'), part(root, 'before'), part(data, 'after'), part(data, 'before')];
  const image = images.find((found) => found !== undefined);
  return { name, row: rowOf(root), image: image && rowOf(image) };
}

/** A value that is no struct is a row of one column without a name. */
function rowOf(column: ColumnSchema): RowSchema {
  return {
    ...(column.semantic !== undefined && { name: column.semantic }),
    columns: column.fields ?? [{ ...column, name: '' }],
  };
}
