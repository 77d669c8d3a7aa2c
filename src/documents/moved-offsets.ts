/**
 * Whether the group stands where Sluice left it, by what the indexes remember of its topics: asked once, before this instance is a
 * member of it.
 */
import { explain } from '../errors.ts';
import type { Failure } from '../model/outcome.ts';
import type { GroupOffset } from '../model/group-offsets.ts';
import { movedOffsets } from '../model/group-offsets.ts';
import type { TopicOrigin } from '../model/topic-origin.ts';
import type { Log } from './ports.ts';
import type { Routes } from './routes.ts';

export interface MovedOffsetsOptions {
  readonly groupId: string;
  readonly routes: Pick<Routes, 'aliases' | 'topicOriginsOf'>;
  /** What the index behind an alias was made of. */
  readonly remembered: (alias: string) => Promise<ReadonlyMap<string, TopicOrigin>>;
  /** Those of the group, if it has no members; undefined if it has some, so that nobody can have moved them. */
  readonly idleOffsets: () => Promise<readonly GroupOffset[] | undefined>;
}

/** What is to be said of each alias; undefined if the group has members. Throws what `idleOffsets` throws. */
export async function findMovedOffsets(
  options: MovedOffsetsOptions,
): Promise<ReadonlyMap<string, readonly Failure[]> | undefined> {
  const { groupId, routes, remembered, idleOffsets } = options;
  const written: [string, ReadonlyMap<string, TopicOrigin>][] = [];
  for (const alias of routes.aliases) written.push([alias, await remembered(alias)]);
  // In this order: an index that another instance begins from now on is not one that was written before.
  const offsets = await idleOffsets();
  if (offsets === undefined) return undefined;
  const states = new Map(
    [...Map.groupBy(offsets, ({ topic }) => topic)].map(([topic, { length }]) => [topic, { partitions: length }]),
  );
  return new Map(
    written.map(([alias, before]) => {
      const now = routes.topicOriginsOf(alias, states);
      return [alias, movedOffsets(groupId, { alias, before, now }, offsets)];
    }),
  );
}

/** Warns of what was found. */
export function tellMovedOffsets(moved: ReadonlyMap<string, readonly Failure[]> | undefined, logger: Log): void {
  for (const [alias, failures] of moved ?? []) {
    for (const failure of failures) logger.warn({ alias, code: failure.code }, explain(failure));
  }
}

/** An index that cannot remember. */
export function tellForgotten(alias: string, failure: Failure, logger: Log): void {
  const what = `The index of ${alias} cannot be told of which topics it is made, so that a topic that is made anew goes unnoticed`;
  logger.warn({ alias, code: failure.code }, `${what}: ${explain(failure)}`);
}
