/**
 * Mapping files against the records that their topics hold by now.
 */
import type { Kafka } from 'kafkajs';
import type { Documents } from '../compose-connections.ts';
import { columnFailure } from '../documents/column-gate.ts';
import { lastRecords } from '../compose-columns.ts';
import { createDecoder } from '../envelope/decoder.ts';
import { explain } from '../errors.ts';
import { sampleRecords } from '../kafka/sample.ts';
import { compileDocument } from '../mapping/compile.ts';
import type { NamedColumn } from '../mapping/fit.ts';
import { createColumnsSeen, misfits } from '../mapping/fit.ts';
import type { ChangeEvent } from '../model/change-event.ts';
import type { RecordSchemas } from '../model/frame.ts';
import type { DocumentMapper } from '../model/document.ts';
import type { Failure, FailureCode } from '../model/outcome.ts';
import type { SourceRecord } from '../model/record.ts';
import { placeIn } from '../documents/route-problems.ts';
import type { Routes } from '../documents/routes.ts';
import type { Files } from './files.ts';

/** What was looked at, and what is wrong with it. */
export interface Finding {
  readonly what: string;
  readonly failures: readonly Failure[];
  /** What someone should look at, though `run` starts. */
  readonly warnings?: readonly Failure[];
}

export interface TopicsOptions {
  readonly kafka: Kafka;
  readonly files: Files;
  readonly routes: Routes;
  /** Fetches the schemas that records name, where there is a registry. */
  readonly prepare: ((records: readonly SourceRecord[]) => Promise<void> | undefined) | undefined;
  readonly schemas: RecordSchemas | undefined;
}

/** One finding a topic: the columns that files name exist, and the values fit the fields. Rejects if Kafka cannot be asked. */
export async function checkTopics(options: TopicsOptions): Promise<readonly Finding[]> {
  const { kafka, files, routes, prepare, schemas } = options;
  const { topics } = routes;
  const groupId = `${files.config.kafka.groupId}-check`;
  const samples = await sampleRecords(kafka, { groupId, topics, ...lastRecords });
  const findings: Finding[] = [];
  for (const [topic, records] of samples) {
    await prepare?.(records);
    const decode = createDecoder(routes.formOf(topic), schemas);
    const events = records.map(decode);
    // One bad record is a dead letter; that none can be read says that the form is another.
    const unreadable = events.every((event) => event.op === 'unreadable') ? events.at(-1) : undefined;
    const matching = files.documents.filter(({ definition }) => compileDocument(definition).matches(topic));
    const columns = matching.map((document) => columnFindings(topic, document, events));
    const failures = [
      ...(unreadable?.op === 'unreadable' ? [unreadable.failure] : []),
      ...columns.flatMap((found) => found.failures),
      ...matching.flatMap((document) => unfitting(topic, document, events, files.config.masking.hashKey)),
    ];
    meetRows(routes.mappersOf(topic), events);
    const notes = columns.flatMap((found) => found.notes).map((note) => `\n    ${explain(note)}`);
    const rows = events.filter((event) => 'after' in event).length;
    const what = `topic ${topic}: ${records.length} last records, ${rows} of them rows${notes.join('')}`;
    findings.push({ what, failures });
  }
  return findings;
}

/** The indexes of `routes` then have the fields that `sluice run` would give them. */
function meetRows(mappers: readonly DocumentMapper[], events: readonly ChangeEvent[]): void {
  for (const event of events) {
    if (event.op === 'truncate' || event.op === 'ignored' || event.op === 'unreadable') continue;
    for (const map of mappers) map(event);
  }
}

/** What `run` would hold or doubt, by the same rule. */
function columnFindings(
  topic: string,
  file: Documents[number],
  events: readonly ChangeEvent[],
): { readonly failures: readonly Failure[]; readonly notes: readonly Failure[] } {
  const seen = createColumnsSeen(file.definition);
  for (const event of events) if ('before' in event) seen.add(event);
  const { columns } = seen;
  const { holding, doubtful } = seen.missing();
  const placeOf = (path: readonly (string | number)[]): string => placeIn(file, path);
  const told = (code: FailureCode) => (missing: NamedColumn) =>
    columnFailure({ code, topic, columns, placeOf, missing: [missing] });
  return { failures: holding.map(told('COLUMN_UNKNOWN')), notes: doubtful.map(told('COLUMN_UNSEEN')) };
}

function unfitting(
  topic: string,
  { file, definition, positionOf, transform }: Documents[number],
  events: readonly ChangeEvent[],
  hashKey: string | undefined,
): readonly Failure[] {
  const compiled = compileDocument(definition, { hashKey, transform });
  const map = compiled.createMapper();
  const failures = new Map<string, Failure>();
  for (const event of events) {
    if (!('after' in event)) continue;
    const mapped = map(event);
    if (mapped.kind === 'refused') failures.set(mapped.failure.code, mapped.failure);
    if (mapped.kind !== 'write' || mapped.write.action !== 'index') continue;
    const { properties } = compiled.indexDefinition().mappings as { properties?: unknown };
    for (const { field, type, seen } of misfits(properties, JSON.parse(mapped.write.source.toString()))) {
      const { line, column } = positionOf(['index', 'mappings', 'properties', ...field.split('.')]);
      const message = `${file}:${line}:${column}: "${field}" is ${type} in the index, and ${seen} in rows of "${topic}".`;
      failures.set(field, { code: 'MAPPING_INVALID', message });
    }
  }
  return [...failures.values()];
}
