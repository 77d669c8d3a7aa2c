/**
 * The part of the composition root for the instances of one consumer group: which definitions each runs with.
 */
import { createHash } from 'node:crypto';
import type { Kafka } from 'kafkajs';
import { contentDigestOf } from './compose-connections.ts';
import type { Config } from './config/schema.ts';
import { profileIn } from './kafka/group-assigner.ts';
import { withAdmin } from './kafka/offsets.ts';
import type { GroupInstance } from './model/group-definitions.ts';
import { definitionsFailure } from './model/group-definitions.ts';
import type { Clock, Observer } from './pipeline/ports.ts';
import type { Routes } from './documents/routes.ts';

/** The same for instances that make the same documents of the same topics, into indexes of the same definition. */
export function definitionsDigest({ documents }: Pick<Routes, 'documents'>, config: Config): string {
  const parts = documents.map((routed) => {
    const { document, definition, topics } = routed;
    return [
      document,
      contentDigestOf(routed, config),
      topics.toSorted(),
      definition.index,
      definition.epoch,
      definition.onTruncate,
    ];
  });
  const sorted = parts.map((part) => JSON.stringify(part)).toSorted();
  return createHash('sha256').update(sorted.join('\n')).digest('hex').slice(0, 32);
}

/** The members of the group as they describe themselves. Rejects if Kafka cannot be asked. */
export async function readInstances(kafka: Kafka, groupId: string): Promise<readonly GroupInstance[]> {
  const { groups } = await withAdmin(kafka, (admin) => admin.describeGroups([groupId]));
  return groups
    .flatMap(({ members }) => members)
    .map(({ memberId, memberMetadata }) => {
      const profile = profileIn(memberMetadata);
      return { instance: profile?.instance ?? memberId, definitions: profile?.definitions };
    });
}

export interface DefinitionWatch {
  readonly groupId: string;
  readonly own: string;
  readonly read: () => Promise<readonly GroupInstance[]>;
  readonly everyMs: number;
  readonly clock: Clock;
  readonly observer: Pick<Observer, 'warned' | 'recovered'>;
  /** Told after each look. */
  readonly seen: (instances: readonly GroupInstance[]) => void;
}

/** Looks until `signal` aborts; warns when the other definitions in the group change, and tells when there are none any more. */
export async function watchDefinitions(options: DefinitionWatch, signal: AbortSignal): Promise<void> {
  const { groupId, own, read, everyMs, clock, observer, seen } = options;
  let told: { readonly message: string; readonly sinceMs: number } | undefined;
  for (;;) {
    await clock.sleep(everyMs, signal);
    if (signal.aborted) return;
    // Whoever reads the topics tells that Kafka is away.
    const instances = await read().catch(() => undefined);
    if (instances === undefined) continue;
    seen(instances);
    const failure = definitionsFailure(groupId, own, instances);
    if (failure === undefined) {
      if (told !== undefined) observer.recovered('DEFINITIONS_DIFFER', clock.nowMs() - told.sinceMs);
      told = undefined;
    } else if (failure.message !== told?.message) {
      observer.warned(failure);
      told = { message: failure.message, sinceMs: told?.sinceMs ?? clock.nowMs() };
    }
  }
}
