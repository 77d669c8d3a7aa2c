/**
 * The part of the composition root for the columns that mapping files name: what rows have is seen as they come, and in the last
 * records of their topic.
 */
import type { Kafka } from 'kafkajs';
import { clock } from './compose-connections.ts';
import type { Config } from './config/schema.ts';
import { columnFailure, gateColumns } from './documents/column-gate.ts';
import { createDecoder } from './envelope/decoder.ts';
import { SluiceError } from './errors.ts';
import { kafkaFailure } from './kafka/client.ts';
import { sampleRecords } from './kafka/sample.ts';
import { createColumnsSeen, namedColumns } from './mapping/fit.ts';
import type { ChangeEvent, RowChange } from './model/change-event.ts';
import type { GatedMapper } from './model/document.ts';
import type { Failure } from './model/outcome.ts';
import { placeIn } from './documents/route-problems.ts';
import type { Routes } from './documents/routes.ts';
import type { Registry } from './schema-registry/registry.ts';

/** How many of the last records of a partition `check` and `run` look at. */
export const lastRecords = { perPartition: 20, timeoutMs: 15_000 };

/** While a document is held, its topic is looked at again this often. */
const lookEveryMs = 60_000;

export interface ColumnGates {
  readonly kafka: Kafka;
  readonly config: Config;
  readonly routes: Pick<Routes, 'madeOf' | 'formOf' | 'topicsFor'>;
  readonly registry: Registry | undefined;
  readonly warned: (failure: Failure) => void;
}

/** The mappers of a topic, of all its documents or of one, each held until the columns were seen that its mapping file names. */
export function gatedMappers(
  { kafka, config, routes, registry, warned }: ColumnGates,
  topic: string,
  document?: string,
): readonly GatedMapper[] {
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  let looking: Promise<readonly RowChange[]> | undefined;

  const look = async (): Promise<readonly RowChange[]> =>
    (await lastChanges({ kafka, config, routes, registry }, [topic])).get(topic) ?? [];

  /** One look serves all documents of the topic. */
  const sharedLook = (): Promise<readonly RowChange[]> | undefined => {
    if (looking === undefined && clock.nowMs() - lookedAtMs < lookEveryMs) return undefined;
    looking ??= look().finally(() => {
      lookedAtMs = clock.nowMs();
      looking = undefined;
    });
    return looking;
  };

  const all = routes.madeOf(topic).filter(({ made }) => document === undefined || made.document === document);
  return all.map(({ made, origin }) => {
    const map = made.createMapper();
    if (!('file' in origin)) return map;
    const placeOf = (path: readonly (string | number)[]): string => placeIn(origin.file, path);
    const { definition } = made;
    return gateColumns(map, { document: made.document, topic, definition, placeOf, look: sharedLook, warned });
  });
}

/**
 * Throws a SluiceError if the last records of the document's topics lack a column that rows must have: `run` holds such a document,
 * and a command would compare it with the same mistake, or write it.
 */
export async function expectColumns(options: Omit<ColumnGates, 'warned'>, document: string): Promise<void> {
  const { routes } = options;
  const named = routes
    .topicsFor(document)
    .flatMap((topic) => routes.madeOf(topic))
    .filter(({ made }) => made.document === document && namedColumns(made.definition).length > 0);
  if (named.length === 0) return;
  const changes = await lastChanges(
    options,
    named.map(({ topic }) => topic),
  ).catch((error: unknown) => {
    throw new SluiceError([kafkaFailure(error)]);
  });
  const failures = named.flatMap(({ topic, made, origin }): readonly Failure[] => {
    const seen = createColumnsSeen(made.definition);
    for (const change of changes.get(topic) ?? []) seen.add(change);
    const { holding: missing } = seen.missing();
    if (missing.length === 0 || !('file' in origin)) return [];
    const placeOf = (path: readonly (string | number)[]): string => placeIn(origin.file, path);
    return [columnFailure({ code: 'COLUMN_UNKNOWN', topic, missing, columns: seen.columns, placeOf })];
  });
  if (failures.length > 0) throw new SluiceError(failures);
}

/** The changes among the last records of each topic. */
async function lastChanges(
  {
    kafka,
    config,
    routes,
    registry,
  }: Pick<ColumnGates, 'kafka' | 'config' | 'registry'> & {
    readonly routes: Pick<Routes, 'formOf'>;
  },
  topics: readonly string[],
): Promise<ReadonlyMap<string, readonly RowChange[]>> {
  const samples = await sampleRecords(kafka, { groupId: `${config.kafka.groupId}-check`, topics, ...lastRecords });
  const changes = new Map<string, readonly RowChange[]>();
  for (const [topic, records] of samples) {
    await registry?.prepare(records);
    const events = records.map(createDecoder(routes.formOf(topic), registry));
    changes.set(topic, events.filter(isRowChange));
  }
  return changes;
}

function isRowChange(event: ChangeEvent): event is RowChange {
  return 'before' in event;
}
