/**
 * A snapshot that a rebuild asks a Debezium connector for, because its topics do not hold all history: what is asked, how, and
 * what the connector's notifications tell of it (docs/decisions/0012-rebuild.md, "A snapshot as source").
 */
import type { Failure } from '../model/outcome.ts';
import type { TopicPartition } from '../model/record.ts';
import { partitionKey } from '../model/record.ts';

export const snapshotKinds = ['incremental', 'blocking'] as const;
export type SnapshotKind = (typeof snapshotKinds)[number];

/** What is asked, of whom. */
export interface SnapshotPlan {
  readonly kind: SnapshotKind;
  /** The connector's `topic.prefix`, which is the key of a signal. */
  readonly prefix: string;
  /** As the connector names its tables: `inventory.customers`. */
  readonly collections: readonly string[];
  /** A topic that Sluice writes the signal to, or a table that the operator writes it to. */
  readonly channel: { readonly kind: 'topic' | 'table'; readonly name: string };
  /** Where the connector tells how far it is; undefined if only the operator can know. */
  readonly notificationTopic?: string;
}

/** `topic/partition` → offset. */
export type Offsets = Readonly<Record<string, number>>;

/** In the control document: what was asked is neither forgotten nor asked twice. */
export interface SnapshotRequest extends SnapshotPlan {
  /** Of the signal. */
  readonly id: string;
  /** The ends of the topics of signals and notifications before it was asked for. */
  readonly since: Offsets;
  /** Whether the signal is in its topic. */
  readonly asked: boolean;
  /** That it is complete, by whose word, and the ends of the document's topics after that. */
  readonly complete?: { readonly by: 'notification' | 'operator'; readonly ends: Offsets };
  /** When the process that loads now had read the topics nearly to their ends: since then no delete is missed. */
  readonly caughtUpAt?: string | undefined;
}

export interface SnapshotChoice {
  readonly kind: string;
  readonly signalTopic?: string | undefined;
  readonly signalTable?: string | undefined;
  readonly notificationTopic?: string | undefined;
  /** Instead of what the names of the topics say. */
  readonly prefix?: string | undefined;
  readonly collections?: readonly string[] | undefined;
}

const isKind = (kind: string): kind is SnapshotKind => snapshotKinds.some((known) => known === kind);

/** What a snapshot of these topics would be; topics are named `prefix.schema.table`, as Debezium names them, unless said. */
export function planSnapshot(choice: SnapshotChoice, topics: readonly string[]): SnapshotPlan | Failure {
  const { kind, signalTopic, signalTable, notificationTopic } = choice;
  if (!isKind(kind)) return misuse(`\`--snapshot ${kind}\` is no kind of snapshot: ${snapshotKinds.join(' or ')}`);
  if ((signalTopic === undefined) === (signalTable === undefined)) {
    return misuse('`--snapshot` needs either `--signal-topic` or `--signal-table`, to know how to ask the connector');
  }
  const split = topics.map((topic) => /^([^.]+)\.(.+)$/.exec(topic));
  const [found, ...others] = new Set(split.map((parts) => parts?.[1]));
  const prefix = choice.prefix ?? (others.length === 0 ? found : undefined);
  if (prefix === undefined) {
    return misuse(
      `The topics ${topics.join(', ')} do not tell one connector's prefix; name it with \`--topic-prefix\``,
    );
  }
  const collections =
    choice.collections ?? topics.map((topic) => (topic.startsWith(`${prefix}.`) ? topic.slice(prefix.length + 1) : ''));
  if (collections.length === 0 || collections.includes('')) {
    return misuse(
      `The topics ${topics.join(', ')} do not tell the tables; name them as the connector does with \`--data-collections\``,
    );
  }
  const channel =
    signalTopic === undefined
      ? ({ kind: 'table', name: signalTable ?? '' } as const)
      : ({ kind: 'topic', name: signalTopic } as const);
  return { kind, prefix, collections, channel, ...(notificationTopic !== undefined && { notificationTopic }) };
}

function misuse(what: string): Failure {
  return { code: 'CONFIGURATION_INVALID', message: `${what}.` };
}

type Asked = Pick<SnapshotRequest, 'id' | 'kind' | 'collections' | 'channel'>;

const dataOf = ({ kind, collections }: Asked) => ({ type: kind, 'data-collections': collections });

/** The value of the signal's record. */
export function signalText(request: Asked): string {
  return JSON.stringify({ id: request.id, type: 'execute-snapshot', data: dataOf(request) });
}

/** Whether a record of the signal topic is that signal. */
export function isSignal(text: string, { id }: Pick<SnapshotRequest, 'id'>): boolean {
  return parsed(text)?.['id'] === id;
}

/** The row of the signal table, for the operator; by its id it cannot be written twice. */
export function signalStatement(request: Asked): string {
  const text = (value: string): string => `'${value.replaceAll("'", "''")}'`;
  const values = [request.id, 'execute-snapshot', JSON.stringify(dataOf(request))].map(text).join(', ');
  return `INSERT INTO ${request.channel.name} (id, type, data) VALUES (${values})`;
}

export type SnapshotState =
  | { readonly kind: 'complete' }
  | { readonly kind: 'waiting'; readonly why: string }
  | { readonly kind: 'lost'; readonly failure: Failure };

export interface NotificationWatch {
  /** The value of a record of the notification topic, in any order. */
  see(text: string): void;
  state(): SnapshotState;
}

/** A table that holds no row, too, was read whole. */
const readWhole: ReadonlySet<string> = new Set(['SUCCEEDED', 'EMPTY']);

/**
 * What Debezium's notifications tell, seen on the real connector (3.6): those of an incremental snapshot carry the signal's id;
 * those of a blocking one do not, and are told by their times: a snapshot that had begun before was not asked for. `COMPLETED`
 * alone is not enough: it comes for tables that are not there, too, so each must have been read to its end.
 */
export function watchNotifications(request: Pick<SnapshotRequest, 'id' | 'kind' | 'collections'>): NotificationWatch {
  const { id, kind, collections } = request;
  const aggregate = kind === 'incremental' ? 'Incremental Snapshot' : 'Initial Snapshot';
  let startedAt = Number.POSITIVE_INFINITY;
  let completedAt = Number.NEGATIVE_INFINITY;
  let abortedAt = Number.NEGATIVE_INFINITY;
  const scans: { readonly collection: string; readonly status: string; readonly at: number }[] = [];
  let unreadable = false;

  return {
    see: (text) => {
      const record = parsed(text);
      if (record === undefined) {
        unreadable = true;
        return;
      }
      const notification = isRecord(record['payload']) ? record['payload'] : record;
      if (notification['aggregate_type'] !== aggregate) return;
      if (kind === 'incremental' && notification['id'] !== id) return;
      // Where the id tells, the time need not.
      const at = Number(notification['timestamp'] ?? (kind === 'incremental' ? 0 : Number.NaN));
      const details = isRecord(notification['additional_data']) ? notification['additional_data'] : {};
      switch (notification['type']) {
        case 'STARTED':
          startedAt = Math.min(startedAt, at);
          return;
        case 'TABLE_SCAN_COMPLETED':
          scans.push({ collection: String(details['scanned_collection']), status: String(details['status']), at });
          return;
        case 'COMPLETED':
          completedAt = Math.max(completedAt, at);
          return;
        case 'ABORTED':
          abortedAt = Math.max(abortedAt, at);
      }
    },
    state: () => {
      if (unreadable) return lost('The notifications are no JSON, so nobody can know when the snapshot is complete');
      if (startedAt === Number.POSITIVE_INFINITY) {
        return waiting(
          'the connector has not told that the snapshot began; does it read signals and send notifications?',
        );
      }
      const scanOf = (name: string) => scans.findLast(({ collection, at }) => collection === name && at >= startedAt);
      const lacking = collections.filter((name) => !readWhole.has(scanOf(name)?.status ?? ''));
      if (completedAt >= startedAt && lacking.length === 0) return { kind: 'complete' };
      if (completedAt < startedAt && abortedAt < startedAt) return waiting('the snapshot is not complete');
      const told = lacking.map((name) => `${name} (${scanOf(name)?.status ?? 'never told of'})`).join(', ');
      const what =
        completedAt < startedAt
          ? 'the connector aborted the snapshot'
          : `the connector ended the snapshot without having read ${told}`;
      // A blocking one that ended so may have been another's.
      return kind === 'incremental' ? lost(sentence(what)) : waiting(`${what}; --restart asks anew`);
    },
  };
}

const sentence = (what: string): string => `${what.slice(0, 1).toUpperCase()}${what.slice(1)}`;

function waiting(why: string): SnapshotState {
  return { kind: 'waiting', why };
}

function lost(what: string): SnapshotState {
  return { kind: 'lost', failure: { code: 'REBUILD_IMPOSSIBLE', message: `${what}; begin anew with --restart.` } };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The ends of the document's topics, after which nothing of the snapshot comes any more. */
export function completeAt(
  request: SnapshotRequest,
  by: 'notification' | 'operator',
  positions: readonly (TopicPartition & { readonly end: number })[],
): SnapshotRequest {
  const ends = Object.fromEntries(
    positions.map(({ topic, partition, end }) => [partitionKey({ topic, partition }), end]),
  );
  return { ...request, asked: true, complete: { by, ends } };
}
