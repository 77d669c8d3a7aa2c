/**
 * Schemas by the ids in frames and in headers: fetched once, kept for ever (an id never changes its schema), shared by all partitions.
 *
 * A registry that is down or refuses us is asked again, for ever: the records wait, and nothing is dead-lettered. An id that the
 * registry does not know is asked for several times, for replicas of a registry lag behind each other; then its records
 * are dead letters, and after a while it is asked for again.
 */
import type { FramedValue, ReadByHeader, ReadFrame, RecordPart, RecordSchemas } from '../model/frame.ts';
import { frameHeaderBytes, frameWithoutRegistry, isFrame, schemaIdOf } from '../model/frame.ts';
import type { Failure } from '../model/outcome.ts';
import { isFailure } from '../model/outcome.ts';
import type { SourceRecord } from '../model/record.ts';
import { retrying } from '../model/retrying.ts';
import type { HeaderNames, HeaderSchemaId } from '../model/schema-headers.ts';
import { createSchemaIdFinder, isJsonObject, unresolved } from '../model/schema-headers.ts';
import type { Clock, Observer } from '../pipeline/ports.ts';
import { createAvroReader } from './avro.ts';
import type { FetchSchema, RegistryClient } from './client.ts';
import type { OneSchemaReader, RegisteredSchema, SchemaReader } from './connect-schema.ts';
import { createJsonSchemaReader } from './json-schema.ts';
import { createProtobufReader } from './protobuf.ts';

/** What a registry tells those who watch it. */
export type RegistryObserver = Pick<Observer, 'waiting' | 'recovered' | 'warned'>;

export interface RegistryOptions {
  readonly client: RegistryClient;
  readonly clock: Clock;
  readonly observer: RegistryObserver;
  /** Ends what waits. */
  readonly signal: AbortSignal;
  /** Apicurio's defaults if absent. */
  readonly headers?: HeaderNames | undefined;
}

export interface Registry extends RecordSchemas {
  /** Undefined if all schemas that the records name are there; else resolves when that may be so. Never rejects. */
  prepare(records: readonly SourceRecord[]): Promise<void> | undefined;
  readonly readByHeader: ReadByHeader;
}

/** Frames name a schema by a number; what headers name it by is said before the id. */
type SchemaKey = number | string;

type Known = { readonly reader: SchemaReader } | { readonly failure: Failure; readonly untilMs: number };

const backoff = { initialMs: 500, maxMs: 30_000 };
const attemptsAtUnknown = 5;
const unknownForMs = 60_000;

export function createRegistry({ client, clock, observer, signal, headers }: RegistryOptions): Registry {
  const known = new Map<SchemaKey, Known>();
  const fetching = new Map<SchemaKey, Promise<void>>();
  /** Those of `known` whose values are CloudEvents. */
  const cloudEvents = new Set<SchemaKey>();
  const findSchemaId = createSchemaIdFinder(headers);

  const fetch = async (id: SchemaKey, ask: FetchSchema): Promise<void> => {
    const startedAtMs = clock.nowMs();
    const of = `schema ${id}`;
    let waited: Failure | undefined;
    const over = (): void => {
      if (waited !== undefined) observer.recovered(waited.code, clock.nowMs() - startedAtMs, of);
    };
    const answer = await retrying(() => ask(signal), {
      ...{ clock, backoff, signal },
      isPassing: ({ code }, attempt) =>
        code !== 'SCHEMA_UNUSABLE' && (code !== 'SCHEMA_UNKNOWN' || attempt < attemptsAtUnknown),
      waiting: (failure, attempt, delayMs) => {
        waited = failure;
        observer.waiting(failure, attempt, delayMs, of);
      },
    });
    if (answer === undefined) return;
    over();
    if (isFailure(answer)) {
      known.set(id, { failure: answer, untilMs: clock.nowMs() + unknownForMs });
      observer.warned(answer);
      return;
    }
    const found = usable(id, answer);
    known.set(id, found);
    if ('reader' in found && isCloudEvent(found.reader)) cloudEvents.add(id);
  };

  const need = (id: SchemaKey, ask: FetchSchema, waits: Promise<void>[]): void => {
    const found = known.get(id);
    if (found !== undefined && ('reader' in found || found.untilMs > clock.nowMs())) return;
    let wait = fetching.get(id);
    if (wait === undefined) {
      wait = fetch(id, ask).finally(() => fetching.delete(id));
      fetching.set(id, wait);
    }
    if (!waits.includes(wait)) waits.push(wait);
  };

  const needFramed = (id: number, waits: Promise<void>[]): void => {
    const { schemaOf } = client;
    if (schemaOf !== undefined) need(id, (ending) => schemaOf(id, ending), waits);
  };

  const readBy = (id: SchemaKey, read: (reader: SchemaReader) => FramedValue | undefined): FramedValue | Failure => {
    const found = known.get(id);
    if (found === undefined) return { code: 'SCHEMA_UNKNOWN', message: `The schema ${nameOf(id)} was not fetched.` };
    if ('failure' in found) return found.failure;
    const value = read(found.reader);
    return value ?? { code: 'RECORD_NOT_JSON', message: `The bytes are not what the schema ${nameOf(id)} promises.` };
  };

  const readFrame: ReadFrame = (bytes) =>
    client.schemaOf === undefined
      ? frameWithoutRegistry
      : readBy(schemaIdOf(bytes), (reader) => reader.read(bytes, frameHeaderBytes));

  const readNamed = (named: HeaderSchemaId, bytes: Buffer): FramedValue | Failure =>
    readBy(keyOf(named), (reader) => reader.read(bytes, 0, named.message));

  const readByHeader: ReadByHeader = (record, part, bytes) => {
    const named = findSchemaId(record, part);
    if (named === undefined || 'code' in named) return named;
    if (client.schemaByHeader?.(named) !== undefined) return readNamed(named, bytes);
    return isJsonObject(bytes) ? undefined : unresolved(named);
  };

  /** The schemas that a key or value names, as far as that is known: only what can be read can be looked into. */
  const needAll = (record: SourceRecord, part: RecordPart, waits: Promise<void>[]): void => {
    const bytes = record[part];
    if (bytes === null) return;
    const named = findSchemaId(record, part);
    // What has its schema in a header is no frame: its first bytes are a value, and no id that a registry knows.
    if (named !== undefined) {
      const ask = 'code' in named ? undefined : client.schemaByHeader?.(named);
      if (ask === undefined || 'code' in named) return;
      need(keyOf(named), ask, waits);
      if (cloudEvents.has(keyOf(named))) needInside(readNamed(named, bytes), waits);
    } else if (isFrame(bytes)) {
      needFramed(schemaIdOf(bytes), waits);
      if (cloudEvents.has(schemaIdOf(bytes))) needInside(readFrame(bytes), waits);
    } else if (bytes.includes(dataSchema)) {
      needInside({ text: bytes.toString('latin1') }, waits);
    }
  };

  const needInside = (value: Pick<FramedValue, 'text'> | Failure, waits: Promise<void>[]): void => {
    const inside = 'code' in value ? undefined : dataSchemaId(value.text);
    if (inside !== undefined) needFramed(inside, waits);
  };

  const waitsFor = (records: readonly SourceRecord[]): readonly Promise<void>[] => {
    const waits: Promise<void>[] = [];
    for (const record of records) {
      needAll(record, 'key', waits);
      needAll(record, 'value', waits);
    }
    return waits;
  };

  return {
    prepare: (records) => {
      const waits = waitsFor(records);
      if (waits.length === 0) return undefined;
      // What the frames hold is known only now: a CloudEvent's data may name a schema of their own.
      return Promise.all(waits).then(async () => {
        if (!signal.aborted) await Promise.all(waitsFor(records));
      });
    },
    readFrame,
    readByHeader,
  };
}

const keyOf = ({ kind, id }: HeaderSchemaId): SchemaKey => (kind === 'id' ? Number(id) : `${kind} ${id}`);

const nameOf = (id: SchemaKey): string => (typeof id === 'number' ? `with id ${id}` : `with ${id}`);

/** A CloudEvent's attribute that names the schema of its data, by a URL that ends in the schema's id. */
const dataSchema = '"dataschema":"';

function dataSchemaId(text: string): number | undefined {
  const id = /"dataschema":"[^"]*\/(\d{1,10})"/.exec(text)?.[1];
  return id === undefined ? undefined : Number(id);
}

/** Its data may be a frame. (Debezium's converter writes CloudEvents as JSON and as Avro only.) */
function isCloudEvent(reader: SchemaReader | OneSchemaReader): boolean {
  return 'schema' in reader && reader.schema.row?.columns.some(({ name }) => name === 'dataschema') === true;
}

function usable(id: SchemaKey, schema: RegisteredSchema): Known {
  let reader: SchemaReader | string;
  try {
    reader = readerOf(schema);
  } catch (error) {
    // Whatever a schema does to a parser costs its own records, and nothing else.
    reader = `it cannot be made sense of (${error instanceof Error ? error.message : String(error)})`;
  }
  if (typeof reader !== 'string') return { reader };
  const message = `The schema ${nameOf(id)} (${schema.type}) cannot be used: ${reader}.`;
  return { failure: { code: 'SCHEMA_UNUSABLE', message }, untilMs: Number.POSITIVE_INFINITY };
}

function readerOf({ type, text, references }: RegisteredSchema): SchemaReader | string {
  switch (type) {
    case 'AVRO':
      return createAvroReader(
        text,
        references.map((reference) => reference.text),
      );
    case 'JSON':
      return createJsonSchemaReader(text, references);
    case 'PROTOBUF':
      return createProtobufReader(text, references);
    default:
      return 'only AVRO, JSON and PROTOBUF are read';
  }
}
