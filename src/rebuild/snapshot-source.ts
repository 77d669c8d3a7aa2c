/**
 * A snapshot as the source of a rebuild: asked for once, whatever is killed, and waited for until it is complete and loaded.
 */
import { SluiceError } from '../errors.ts';
import type { Clock } from '../pipeline/ports.ts';
import type { Custody } from './custody.ts';
import { refuse } from './custody.ts';
import type { Control, PartitionPosition } from './handover.ts';
import { havePassed } from './handover.ts';
import type { Brokers, Following, Signals } from './ports.ts';
import type { NotificationWatch, SnapshotPlan, SnapshotRequest } from './snapshot-request.ts';
import { completeAt, isSignal, signalStatement, signalText, watchNotifications } from './snapshot-request.ts';

export interface SnapshotSourceOptions {
  readonly document: string;
  readonly custody: Custody;
  readonly brokers: Brokers;
  readonly signals: Signals;
  readonly clock: Clock;
  readonly say: (sentence: string) => void;
}

/**
 * A notification overtakes records of the snapshot that wait in Connect's producer: by 400 to 800 ms with 100,000 rows. So the ends
 * are taken when the topics have stood still for `quietMs`; where traffic never lets them, after `settleMs`. What comes later still is
 * written to both generations by the instances, as any other change.
 */
const quietMs = 5000;
const settleMs = 30_000;

/** What is to be asked, as it is written down before anything is. */
export async function requestOf(
  plan: SnapshotPlan,
  id: string,
  { signals }: Pick<SnapshotSourceOptions, 'signals'>,
): Promise<SnapshotRequest> {
  const { channel, notificationTopic } = plan;
  let since = {};
  if (channel.kind === 'topic') {
    const ends = await signals.ends(channel.name);
    if (ends === undefined) {
      throw refuse(
        `There is no topic ${channel.name}; make it with one partition, and let the connector read signals there (\`signal.kafka.topic\`).`,
      );
    }
    since = { ...since, ...ends };
  }
  if (notificationTopic !== undefined) since = { ...since, ...(await signals.ends(notificationTopic)) };
  return { ...plan, id, since, asked: false };
}

export interface SnapshotSource extends AsyncDisposable {
  /** Does what is to be done next; why the handover must wait, undefined if it need not. */
  obstacle(control: Control, positions: readonly PartitionPosition[]): Promise<string | undefined>;
}

/** Throws a SluiceError when the snapshot cannot come to its end. */
export function createSnapshotSource(options: SnapshotSourceOptions): SnapshotSource {
  const { document, custody, brokers, signals, clock, say } = options;
  let following: Following | undefined;
  let watch: NotificationWatch | undefined;
  let completeSinceMs: number | undefined;
  let moved: { readonly ends: string; readonly atMs: number } | undefined;
  let told = false;

  const change = async (control: Control, next: (request: SnapshotRequest) => SnapshotRequest): Promise<void> => {
    await custody.change(control.rebuild, (now) => now.snapshot && { ...now, snapshot: next(now.snapshot) });
  };

  const ask = async (control: Control, request: SnapshotRequest): Promise<void> => {
    const { channel, prefix, since } = request;
    if (channel.kind === 'topic') {
      // Whoever was killed between the signal and this word has asked already.
      const asked = await signals.holds(channel.name, since, (text) => isSignal(text, request));
      if (!asked) await signals.send(channel.name, prefix, signalText(request));
      say(`Asked for ${nameOf(request)} by the topic ${channel.name}, id ${request.id}.`);
    }
    await change(control, (now) => ({ ...now, asked: true }));
  };

  const remind = (request: SnapshotRequest): void => {
    if (told) return;
    told = true;
    if (request.channel.kind === 'table') {
      say(`Ask for ${nameOf(request)} in its database, if you have not yet: ${signalStatement(request)}`);
    }
  };

  /** Whether what was made before the notification is in the topics by now. */
  const haveSettled = (positions: readonly PartitionPosition[]): boolean => {
    const nowMs = clock.nowMs();
    const ends = positions.map(({ end }) => end).join();
    completeSinceMs ??= nowMs;
    if (moved?.ends !== ends) moved = { ends, atMs: nowMs };
    return nowMs - moved.atMs >= quietMs || nowMs - completeSinceMs >= settleMs;
  };

  const waitsFor = async (
    control: Control,
    request: SnapshotRequest,
    positions: readonly PartitionPosition[],
  ): Promise<string> => {
    const { notificationTopic, since } = request;
    if (notificationTopic === undefined) {
      return `nobody tells when the snapshot is complete; when it is, say \`sluice rebuild ${document} --snapshot-complete\``;
    }
    const seen = (watch ??= watchNotifications(request));
    following ??= await signals.follow(notificationTopic, since, seen.see);
    await following?.catchUp();
    const state = seen.state();
    switch (state.kind) {
      case 'lost':
        throw new SluiceError([state.failure]);
      case 'waiting':
        return state.why;
      case 'complete': {
        if (!haveSettled(positions)) return 'the last records of the snapshot may be on their way';
        const latest = await brokers.positions(control.groupId);
        await change(control, (now) => (now.complete === undefined ? completeAt(now, 'notification', latest) : now));
        say('The snapshot is complete.');
        return notLoaded;
      }
    }
  };

  return {
    obstacle: async (control, positions) => {
      const { snapshot } = control;
      if (snapshot === undefined) return undefined;
      if (snapshot.complete !== undefined) {
        return havePassed(new Map(Object.entries(snapshot.complete.ends)), positions) ? undefined : notLoaded;
      }
      if (!snapshot.asked) await ask(control, snapshot);
      remind(snapshot);
      return waitsFor(control, snapshot, positions);
    },
    [Symbol.asyncDispose]: async () => {
      await following?.[Symbol.asyncDispose]();
    },
  };
}

const notLoaded = 'the records of the snapshot are not loaded yet';

const nameOf = ({ kind, collections }: SnapshotRequest): string =>
  `${kind === 'blocking' ? 'a' : 'an'} ${kind} snapshot of ${collections.join(', ')}`;

/** `--snapshot-complete`: the operator knows that it is. */
export async function takeAsComplete({
  document,
  custody,
  brokers,
}: Pick<SnapshotSourceOptions, 'document' | 'custody' | 'brokers'>): Promise<void> {
  const stored = await custody.read();
  if (stored?.control.snapshot === undefined) throw refuse(`No rebuild of ${document} waits for a snapshot.`);
  const { control } = stored;
  const positions = await brokers.positions(control.groupId);
  await custody.change(control.rebuild, (now) =>
    now.snapshot === undefined || now.snapshot.complete !== undefined
      ? undefined
      : { ...now, snapshot: completeAt(now.snapshot, 'operator', positions) },
  );
}

/** Why a rebuild that was begun cannot go on with this plan; undefined if it can. */
export function contradiction(
  document: string,
  { snapshot }: Control,
  plan: SnapshotPlan | undefined,
): string | undefined {
  if (plan === undefined || plan.kind === snapshot?.kind) return undefined;
  const was = snapshot === undefined ? 'without a snapshot' : `with ${nameOf(snapshot)}`;
  return `The rebuild of ${document} was begun ${was}; begin anew with --restart.`;
}
