/**
 * `sluice rebuild`: from the topics into a new generation, and the handover to it (docs/decisions/0012). Every step may be killed and
 * begun again: what was reached is in the control document and in the offsets of the rebuild's own group.
 */
import { SluiceError } from '../errors.ts';
import type { Failure } from '../model/outcome.ts';
import { asked, lagOf } from './ask-brokers.ts';
import { begin, wrapped } from './begin.ts';
import { compare } from './compare.ts';
import { refuse } from './custody.ts';
import type { Control } from './handover.ts';
import {
  generationIn,
  havePassed,
  isFirst,
  obstacleTo,
  targetsOf,
  toDualWrite,
  toSwapping,
  toWarm,
  withRefused,
} from './handover.ts';
import type { TopicHistory } from './ports.ts';
import type { LoadHooks, RebuildOptions } from './rebuild-options.ts';
import { createSnapshotSource } from './snapshot-source.ts';

const renewMs = 2000;
const roundMs = 500;
/** So few records are left that the instances are asked to write to both. */
const nearTheEnd = 2000;
const greenWithinMs = 60_000;

/** Resolves when the alias names the new generation. Throws a SluiceError with the reason if that is not to be. */
export async function rebuild(options: RebuildOptions, signal: AbortSignal): Promise<Control> {
  const control = await begin(options, signal);
  const loading = new AbortController();
  const fatal = Promise.withResolvers<never>();
  const hooks = hooksOf(options, control, (failure) => {
    fatal.reject(new SluiceError([failure]));
  });
  const abort = (): void => {
    loading.abort();
  };
  signal.addEventListener('abort', abort);
  const never = new Promise<never>(() => undefined);
  const loaded = options.load(hooks, loading.signal);
  const renewed = renewLease(options, control, loading.signal);
  try {
    return await Promise.race([
      fatal.promise,
      loaded.then(() => never),
      renewed.then(() => never),
      handOver(options, control, hooks, signal),
    ]);
  } catch (error) {
    if (error instanceof SluiceError && error.failures.some(({ code }) => code === 'INDEX_REFUSED')) {
      // There is no new generation, so nothing was changed.
      await options.custody.remove(control.rebuild);
    }
    throw error;
  } finally {
    loading.abort();
    signal.removeEventListener('abort', abort);
    fatal.promise.catch(() => undefined);
    await Promise.allSettled([loaded, renewed]);
  }
}

function hooksOf(options: RebuildOptions, control: Control, fatal: (failure: Failure) => void): LoadHooks {
  const { custody, generations, document } = options;
  const number = generationIn(control, control.to).number;
  return {
    control,
    ensure: async (definition) => {
      const stored = await custody.read();
      if (stored?.control.rebuild === control.rebuild && stored.control.created) {
        const found = await generations.find(document, control.to);
        if (found !== undefined && 'code' in found) return found;
        // A column may have come while it was loaded.
        if (found !== undefined) return generations.extend(found, definition);
        const failure: Failure = {
          code: 'REBUILD_IMPOSSIBLE',
          message: `${control.to} was removed while it was loaded; begin anew with --restart.`,
        };
        fatal(failure);
        return failure;
      }
      const made = await generations.create(definition, { loading: true, number });
      if ('code' in made) {
        if (made.code === 'INDEX_REFUSED' || made.code === 'INDEX_FOREIGN') fatal(made);
        return made;
      }
      await custody.change(control.rebuild, (now) => ({ ...now, created: true }));
      return undefined;
    },
    refused: async (write) => {
      await custody.change(control.rebuild, (now) => withRefused(now, write));
    },
  };
}

/** Tells other processes that this one lives; rejects if one of them has taken over. */
async function renewLease(
  { custody, clock, holder }: RebuildOptions,
  { rebuild: id }: Control,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    await clock.sleep(renewMs, signal);
    if (signal.aborted) return;
    await custody.change(id, (now) => {
      if (now.lease.holder === holder) return { ...now, lease: { holder, count: now.lease.count + 1 } };
      const message = `Another process has taken over the rebuild of ${now.document}.`;
      throw new SluiceError([{ code: 'REBUILD_RUNNING', message }]);
    });
  }
}

/** Goes around until the alias names the new generation. */
async function handOver(
  options: RebuildOptions,
  { rebuild: id }: Control,
  hooks: LoadHooks,
  signal: AbortSignal,
): Promise<Control> {
  const { custody, brokers, clock, tell, now } = options;
  await using source = createSnapshotSource(options);
  let targets: ReadonlyMap<string, number> | undefined;
  for (;;) {
    signal.throwIfAborted();
    const control = await custody.change(id, () => undefined);
    const positions = await asked(() => brokers.positions(control.groupId), options, signal);
    const lag = lagOf(positions);
    let waitingFor: string | undefined;
    switch (control.phase) {
      case 'loading': {
        const isNear = lag.records - lag.done <= nearTheEnd;
        if (isNear && control.snapshot !== undefined && control.snapshot.caughtUpAt === undefined) {
          await custody.change(
            id,
            ({ snapshot, ...others }) => snapshot && { ...others, snapshot: { ...snapshot, caughtUpAt: now() } },
          );
        }
        waitingFor = await asked(() => source.obstacle(control, positions), options, signal);
        if (isNear && waitingFor === undefined) await askForBoth(options, control, hooks);
        break;
      }
      case 'dual-write': {
        const found =
          targets === undefined ? await askTargets(options, id, signal) : { kind: 'targets' as const, targets };
        if (found.kind === 'waiting') waitingFor = found.why;
        else {
          ({ targets } = found);
          if (havePassed(targets, positions)) await takeOver(options, id, signal);
        }
        break;
      }
      case 'swapping':
        return await (isFirst(control) ? completeFirst : completeSwap)(options, control);
      case 'warm':
      case 'finishing':
        return control;
    }
    tell({ phase: control.phase, ...lag, waitingFor });
    await clock.sleep(roundMs, signal);
  }
}

/** A compacted topic forgets deletes after a while: what was read slower than that may hold documents that are no more. */
function forgotten(topics: readonly TopicHistory[], startedAt: string, now: string): string | undefined {
  const tookMs = Date.parse(now) - Date.parse(startedAt);
  const short = topics.find(({ compacted, deleteRetentionMs }) => compacted && tookMs > deleteRetentionMs);
  return (
    short &&
    `Reading took longer than ${short.topic} keeps deletes (\`delete.retention.ms\`), so some may have been missed.`
  );
}

async function askForBoth(options: RebuildOptions, control: Control, hooks: LoadHooks): Promise<void> {
  const { custody, brokers, comparison, now } = options;
  const missed = forgotten(await brokers.history(), control.startedAt, control.snapshot?.caughtUpAt ?? now());
  if (missed !== undefined && !options.incompleteHistory)
    throw refuse(`${missed} Raise it and begin anew with --restart.`);
  // There may be no record at all that would have made it.
  await custody.persist(async () => (await hooks.ensure(options.indexDefinition())) ?? 'done');
  if (isFirst(control)) await expectNoOther(options, control);
  for (const index of isFirst(control) ? [control.to] : [control.from, control.to]) {
    await custody.persist(async () => (await comparison.nameForWrites(generationIn(control, index))) ?? 'done');
  }
  await custody.change(control.rebuild, (latest) => toDualWrite(latest, now()));
}

/** An instance that did not know of the rebuild yet may have made an index at the same moment. */
async function expectNoOther({ custody, generations, document }: RebuildOptions, control: Control): Promise<void> {
  const { found } = await custody.persist(() => wrapped(generations.current(document)));
  if (found === undefined) return;
  await custody.remove(control.rebuild);
  throw refuse(
    `An instance made ${found.index} while the rebuild began. Run \`sluice rebuild ${document}\` again: it makes the next index beside that one.`,
  );
}

/** In this order (rule 2): the group, then the acknowledgements, then the ends. */
async function askTargets(options: RebuildOptions, id: string, signal: AbortSignal) {
  const { brokers, custody, groupId } = options;
  const group = await asked(() => brokers.group(groupId), options, signal);
  const control = await custody.change(id, () => undefined);
  return targetsOf(control, group, await asked(() => brokers.positions(groupId), options, signal));
}

/** Settings, verification, and the word that the new generation is live. */
async function takeOver(options: RebuildOptions, id: string, signal: AbortSignal): Promise<void> {
  const { custody, generations, comparison, document, say } = options;
  const control = await custody.change(id, () => undefined);
  const to = await custody.persist(() => wrapped(generations.find(document, control.to)));
  if (to.found === undefined) throw refuse(`${control.to} was removed while it was loaded; begin anew with --restart.`);
  const { found } = to;
  say(`Restoring the settings of ${control.to} and waiting until it is green.`);
  await custody.persist(async () => (await generations.finishLoading(found, { withinMs: greenWithinMs })) ?? 'done');
  if (!isFirst(control)) {
    say(`Comparing ${control.to} with ${control.from}.`);
    const differences = await compare(options, control, signal);
    if (differences.length > 0 && !options.acceptDifferences) throw unverified(differences.join('; '));
    for (const difference of differences) say(`Accepted: ${difference}.`);
  }
  await custody.persist(async () => (await comparison.refresh(control.to)) ?? 'done');
  for (;;) {
    const stored = await custody.read();
    if (stored?.control.rebuild !== id) throw refuse(`The control document of ${document} is gone.`);
    const judged = await judge(options, stored.control);
    const obstacle = obstacleTo(judged, control.to);
    // Without an index before it, what it refuses is in no other: that may be accepted.
    const isAccepted = isFirst(control) && options.acceptDifferences;
    if (obstacle !== undefined && !isAccepted) throw unverified(obstacle);
    if (obstacle !== undefined) say(`Accepted: ${obstacle}.`);
    if (await custody.replace(toSwapping(judged, control.to), stored.mark)) return;
  }
}

const unverified = (message: string): SluiceError =>
  new SluiceError([{ code: 'REBUILD_UNVERIFIED', message: `${message}.` }]);

/** Without the refusals that lost nothing: the old generation does not hold what the new one refused. */
async function judge({ custody, comparison }: RebuildOptions, control: Control): Promise<Control> {
  if (isFirst(control)) return control;
  const ofNew = control.refused.filter(({ generation }) => generation === control.to);
  const lost = await custody.persist(() => comparison.heldBy(control.from, ofNew));
  return { ...control, refused: [...control.refused.filter(({ generation }) => generation !== control.to), ...lost] };
}

/** The first index gets the alias, and nothing is left to finish; may be repeated. */
async function completeFirst({ custody, generations, brokers }: RebuildOptions, control: Control): Promise<Control> {
  const { document, to } = control;
  await custody.persist(async () => (await generations.swap(document, undefined, generationIn(control, to))) ?? 'done');
  await brokers.forget(control.groupId);
  await custody.remove(control.rebuild);
  return control;
}

/** The alias follows what the control document says; may be repeated. */
export async function completeSwap(
  { custody, generations, now }: Pick<RebuildOptions, 'custody' | 'generations' | 'now'>,
  control: Control,
): Promise<Control> {
  const { document, live, from, to } = control;
  const other = live === to ? from : to;
  await custody.persist(async () => {
    const failure = await generations.swap(document, generationIn(control, other), generationIn(control, live));
    return failure ?? 'done';
  });
  return custody.change(control.rebuild, (latest) =>
    latest.phase === 'swapping' && latest.live === live ? toWarm(latest, now()) : undefined,
  );
}
