/**
 * Topics that are created while Sluice runs. A pattern is looked up at the start, so such a topic is not read before the next
 * start; and if it would share an index with a topic that is read, the next start is refused. Both are said at once.
 */
import type { Failure } from '../model/outcome.ts';
import type { Clock } from '../pipeline/ports.ts';
import type { Routes } from './routes.ts';

export interface ArrivalOptions {
  /** The topics that exist now. Rejects if Kafka does not answer; the next look asks again. */
  readonly listTopics: () => Promise<ReadonlySet<string>>;
  /** The routes as a start with these topics would make them. */
  readonly routesWith: (existing: ReadonlySet<string>) => Pick<Routes, 'topics' | 'documents' | 'conflictOf'>;
  /** The topics that are read. */
  readonly topics: readonly string[];
  readonly everyMs: number;
  readonly clock: Clock;
  readonly warned: (failure: Failure) => void;
}

/** Looks until `signal` aborts, and warns once for each topic. Never rejects. */
export async function watchArrivals(options: ArrivalOptions, signal: AbortSignal): Promise<void> {
  const { listTopics, routesWith, topics, everyMs, clock, warned } = options;
  const known = new Set(topics);
  const seen = new Set<string>();
  for (;;) {
    await clock.sleep(everyMs, signal);
    if (signal.aborted) return;
    const existing = await listTopics().catch(() => undefined);
    if (existing === undefined || [...existing].every((topic) => seen.has(topic) || known.has(topic))) continue;
    for (const topic of existing) seen.add(topic);
    const routes = routesWith(existing);
    for (const topic of routes.topics.filter((one) => !known.has(one))) {
      known.add(topic);
      warned(arrival(topic, routes));
    }
  }
}

function arrival(topic: string, { documents, conflictOf }: Pick<Routes, 'documents' | 'conflictOf'>): Failure {
  const made = documents.filter(({ topics }) => topics.includes(topic)).map(({ document }) => document);
  const conflict = made.map(conflictOf).find((failure) => failure !== undefined);
  const refused = conflict === undefined ? '' : ` The next start will be refused: ${conflict.message}`;
  const message = `The topic "${topic}", which belongs to ${made.map((one) => `"${one}"`).join(' and ')}, was created after Sluice started, and is not read until a restart.${refused}`;
  return { code: 'TOPIC_UNREAD', message };
}
