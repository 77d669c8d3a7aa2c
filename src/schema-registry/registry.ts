/**
 * Schemas by id: fetched once, kept for ever (an id never changes its schema), shared by all partitions.
 *
 * A registry that is down or refuses us is asked again, for ever: the records wait, and nothing is dead-lettered. An id that the
 * registry does not know is asked for several times, for replicas of a registry lag behind each other; then its records
 * are dead letters, and after a while it is asked for again.
 */
import type { ReadFrame } from '../model/frame.ts';
import { frameHeaderBytes, isFrame, schemaIdOf } from '../model/frame.ts';
import type { Failure } from '../model/outcome.ts';
import type { SourceRecord } from '../model/record.ts';
import type { Clock, Observer } from '../pipeline/ports.ts';
import { createAvroReader } from './avro.ts';
import type { RegisteredSchema, RegistryClient } from './client.ts';
import type { SchemaReader } from './connect-schema.ts';
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

  const fetch = async (id: number): Promise<void> => {
    const startedAtMs = clock.nowMs();
    for (let attempt = 1; !signal.aborted; attempt += 1) {
      const answer = await client.schemaOf(id, signal);
      if (!('code' in answer)) {
        known.set(id, usable(id, answer));
        if (attempt > 1) observer.recovered('SCHEMA_REGISTRY_UNREACHABLE', clock.nowMs() - startedAtMs);
        return;
      }
      const isHopeless =
        answer.code === 'SCHEMA_UNUSABLE' || (answer.code === 'SCHEMA_UNKNOWN' && attempt >= attemptsAtUnknown);
      if (isHopeless) {
        known.set(id, { failure: answer, untilMs: clock.nowMs() + unknownForMs });
        observer.warned(answer);
        return;
      }
      const delayMs = Math.min(retryMs.max, retryMs.initial * 2 ** (attempt - 1));
      observer.waiting(answer, attempt, delayMs);
      await clock.sleep(delayMs, signal);
    }
  };

  const need = (bytes: Buffer | null, waits: Promise<void>[]): void => {
    if (bytes === null || !isFrame(bytes)) return;
    const id = schemaIdOf(bytes);
    const found = known.get(id);
    if (found !== undefined && ('reader' in found || found.untilMs > clock.nowMs())) return;
    let wait = fetching.get(id);
    if (wait === undefined) {
      wait = fetch(id).finally(() => fetching.delete(id));
      fetching.set(id, wait);
    }
    if (!waits.includes(wait)) waits.push(wait);
  };

  return {
    prepare: (records) => {
      const waits: Promise<void>[] = [];
      for (const { key, value } of records) {
        need(key, waits);
        need(value, waits);
      }
      return waits.length === 0 ? undefined : Promise.all(waits).then(() => undefined);
    },
    readFrame: (bytes) => {
      const id = schemaIdOf(bytes);
      const found = known.get(id);
      if (found === undefined) return { code: 'SCHEMA_UNKNOWN', message: `The schema with id ${id} was not fetched.` };
      if ('failure' in found) return found.failure;
      const { reader } = found;
      const value = reader.read(bytes, frameHeaderBytes);
      return value ?? { code: 'RECORD_NOT_JSON', message: `The bytes are not what the schema with id ${id} promises.` };
    },
  };
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
