/**
 * Schemas by id: fetched once, kept for ever (an id never changes its schema), shared by all partitions.
 *
 * A registry that is down or refuses us is asked again, for ever: the records wait, and nothing is dead-lettered. An id that the
 * registry does not know is asked for several times, for replicas of a registry lag behind each other; then its records
 * are dead letters, and after a while it is asked for again.
 */
import type { ReadFrame } from '../model/frame.ts';
import type { RecordPart } from '../model/frame.ts';
import { frameHeaderBytes, isFrame, schemaIdHeader, schemaIdOf } from '../model/frame.ts';
import type { Failure } from '../model/outcome.ts';
import type { SourceRecord } from '../model/record.ts';
import type { Clock, Observer } from '../pipeline/ports.ts';
import { createAvroReader } from './avro.ts';
import type { RegisteredSchema, RegistryClient } from './client.ts';
import type { OneSchemaReader, SchemaReader } from './connect-schema.ts';
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
}

export interface Registry {
  /** Undefined if all frames among the records can be read; else resolves when that may be so. Never rejects. */
  prepare(records: readonly SourceRecord[]): Promise<void> | undefined;
  readonly readFrame: ReadFrame;
}

type Known = { readonly reader: SchemaReader } | { readonly failure: Failure; readonly untilMs: number };

const retryMs = { initial: 500, max: 30_000 };
const attemptsAtUnknown = 5;
const unknownForMs = 60_000;

export function createRegistry({ client, clock, observer, signal }: RegistryOptions): Registry {
  const known = new Map<number, Known>();
  const fetching = new Map<number, Promise<void>>();
  /** Those of `known` whose values are CloudEvents. */
  const cloudEvents = new Set<number>();

  const fetch = async (id: number): Promise<void> => {
    const startedAtMs = clock.nowMs();
    const of = `schema ${id}`;
    let waited: Failure | undefined;
    const over = (): void => {
      if (waited !== undefined) observer.recovered(waited.code, clock.nowMs() - startedAtMs, of);
    };
    for (let attempt = 1; !signal.aborted; attempt += 1) {
      const answer = await client.schemaOf(id, signal);
      if (!('code' in answer)) {
        const found = usable(id, answer);
        known.set(id, found);
        if ('reader' in found && isCloudEvent(found.reader)) cloudEvents.add(id);
        over();
        return;
      }
      const isHopeless =
        answer.code === 'SCHEMA_UNUSABLE' || (answer.code === 'SCHEMA_UNKNOWN' && attempt >= attemptsAtUnknown);
      if (isHopeless) {
        known.set(id, { failure: answer, untilMs: clock.nowMs() + unknownForMs });
        over();
        observer.warned(answer);
        return;
      }
      const delayMs = Math.min(retryMs.max, retryMs.initial * 2 ** (attempt - 1));
      waited = answer;
      observer.waiting(answer, attempt, delayMs, of);
      await clock.sleep(delayMs, signal);
    }
  };

  const need = (id: number, waits: Promise<void>[]): void => {
    const found = known.get(id);
    if (found !== undefined && ('reader' in found || found.untilMs > clock.nowMs())) return;
    let wait = fetching.get(id);
    if (wait === undefined) {
      wait = fetch(id).finally(() => fetching.delete(id));
      fetching.set(id, wait);
    }
    if (!waits.includes(wait)) waits.push(wait);
  };

  const readFrame: ReadFrame = (bytes) => {
    const id = schemaIdOf(bytes);
    const found = known.get(id);
    if (found === undefined) return { code: 'SCHEMA_UNKNOWN', message: `The schema with id ${id} was not fetched.` };
    if ('failure' in found) return found.failure;
    const { reader } = found;
    const value = reader.read(bytes, frameHeaderBytes);
    return value ?? { code: 'RECORD_NOT_JSON', message: `The bytes are not what the schema with id ${id} promises.` };
  };

  /** The schemas that a key or value names, as far as that is known: a frame can only be looked into when it can be read. */
  const needAll = (record: SourceRecord, part: RecordPart, waits: Promise<void>[]): void => {
    const bytes = record[part];
    if (bytes === null) return;
    let inside: number | undefined;
    if (isFrame(bytes)) {
      const id = schemaIdOf(bytes);
      // What has its schema in a header is no frame: its first bytes are a value, and no id that a registry knows.
      if (!known.has(id) && schemaIdHeader(record, part) !== undefined) return;
      need(id, waits);
      if (cloudEvents.has(id)) {
        const framed = readFrame(bytes);
        inside = 'code' in framed ? undefined : dataSchemaId(framed.text);
      }
    } else if (bytes.includes(dataSchema)) {
      inside = dataSchemaId(bytes.toString('latin1'));
    }
    if (inside !== undefined) need(inside, waits);
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
  };
}

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

function usable(id: number, schema: RegisteredSchema): Known {
  let reader: SchemaReader | string;
  try {
    reader = readerOf(schema);
  } catch (error) {
    // Whatever a schema does to a parser costs its own records, and nothing else.
    reader = `it cannot be made sense of (${error instanceof Error ? error.message : String(error)})`;
  }
  if (typeof reader !== 'string') return { reader };
  const message = `The schema with id ${id} (${schema.type}) cannot be used: ${reader}.`;
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
