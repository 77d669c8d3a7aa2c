/**
 * Whether the group stands where Sluice left it, by what the index remembers of its topics: said once for each document, before its
 * first write.
 */
import { explain } from './errors.ts';
import type { Failure } from './model/outcome.ts';
import type { GroupOffset } from './model/group-offsets.ts';
import { movedOffsets } from './model/group-offsets.ts';
import type { TopicOrigin } from './model/topic-origin.ts';
import type { Logger } from './observability/logger.ts';
import type { Routes } from './routes.ts';

/** Of a document whose index was made of the topics in `before`. */
export type MovedOffsets = (alias: string, before: ReadonlyMap<string, TopicOrigin>) => readonly Failure[];

/** `offsets` are those of the group while it had no members; undefined if it had some, so that nobody can have moved them. */
export function createMovedOffsets(
  groupId: string,
  offsets: readonly GroupOffset[] | undefined,
  routes: Pick<Routes, 'topicOriginsOf'>,
): MovedOffsets {
  if (offsets === undefined) return () => [];
  const states = new Map(
    [...Map.groupBy(offsets, ({ topic }) => topic)].map(([topic, { length }]) => [topic, { partitions: length }]),
  );
  return (alias, before) =>
    movedOffsets(groupId, { alias, before, now: routes.topicOriginsOf(alias, states) }, offsets);
}

/** Warns of what is found, the first time that a document is asked for. */
export function tellMovedOffsets(
  moved: MovedOffsets,
  logger: Logger,
): (alias: string, before: ReadonlyMap<string, TopicOrigin>) => void {
  const told = new Set<string>();
  return (alias, before) => {
    if (told.has(alias)) return;
    told.add(alias);
    for (const failure of moved(alias, before)) logger.warn({ alias, code: failure.code }, explain(failure));
  };
}

/** An index that cannot remember. */
export function tellForgotten(alias: string, failure: Failure, logger: Logger): void {
  const what = `The index of ${alias} cannot be told of which topics it is made, so that a topic that is made anew goes unnoticed`;
  logger.warn({ alias, code: failure.code }, `${what}: ${explain(failure)}`);
}
