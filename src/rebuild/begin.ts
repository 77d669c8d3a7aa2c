/**
 * How a rebuild begins: anew, or where another process left it.
 */
import { SluiceError } from '../errors.ts';
import type { Generation } from '../model/generation.ts';
import { generationName } from '../model/generation.ts';
import type { Failure } from '../model/outcome.ts';
import { refuse } from './custody.ts';
import type { Control } from './handover.ts';
import { generationIn, isSameDefinition } from './handover.ts';
import type { Brokers } from './ports.ts';
import { isFailure } from '../model/outcome.ts';
import type { RebuildOptions } from './rebuild-options.ts';
import { contradiction, requestOf } from './snapshot-source.ts';

/** A lease that was not renewed for so long may be taken over. */
const leaseMs = 10_000;

/** The control document of this rebuild: a new one, or that of one that was interrupted, with its lease taken over. */
export async function begin(options: RebuildOptions, signal: AbortSignal): Promise<Control> {
  const { custody, document } = options;
  const stored = await custody.read();
  if (stored !== undefined) {
    if (!(await isAbandoned(options, stored.control, signal))) {
      const message = `${document} is being rebuilt already, by ${stored.control.startedBy} since ${stored.control.startedAt}.`;
      throw new SluiceError([{ code: 'REBUILD_RUNNING', message }]);
    }
    if (options.restart) await discard(options, stored.control);
    else return resume(options);
  }
  return beginAnew(options);
}

async function isAbandoned(
  { custody, clock, say, document }: RebuildOptions,
  { lease, phase }: Control,
  signal: AbortSignal,
): Promise<boolean> {
  if (phase === 'warm' || phase === 'finishing') return true;
  say(`A rebuild of ${document} was begun before; looking for ${leaseMs / 1000} s whether it still runs.`);
  await clock.sleep(leaseMs, signal);
  const now = await custody.read();
  return now?.control.lease.holder === lease.holder && now.control.lease.count === lease.count;
}

async function resume({ custody, document, definition, content, holder, snapshot }: RebuildOptions): Promise<Control> {
  const stored = await custody.read();
  if (stored === undefined) throw refuse(`The control document of ${document} went away.`);
  const { control } = stored;
  if (control.phase === 'warm' || control.phase === 'finishing') {
    throw refuse(
      `${document} was rebuilt into ${control.to}; end that first, with \`sluice rebuild finish ${document}\`.`,
    );
  }
  if (!isSameDefinition({ definition, content }, control)) {
    throw refuse(`The rebuild of ${document} was begun with another mapping file; begin anew with --restart.`);
  }
  const contradicted = contradiction(document, control, snapshot);
  if (contradicted !== undefined) throw refuse(contradicted);
  return custody.change(control.rebuild, (now) => ({
    ...now,
    lease: { holder, count: now.lease.count + 1 },
    // What was read meanwhile is not known.
    ...(now.snapshot && { snapshot: { ...now.snapshot, caughtUpAt: undefined } }),
  }));
}

/** Gives up a rebuild that did not come to its swap: the instances write to the alias alone again. */
export async function discard(
  { custody, generations }: Pick<RebuildOptions, 'custody' | 'generations'>,
  control: Control,
): Promise<void> {
  const { document, rebuild: id, to } = control;
  if (control.phase !== 'loading' && control.phase !== 'dual-write') {
    throw refuse(
      `${to} is live or about to be; \`sluice rollback ${document}\` first, then \`sluice rebuild finish ${document}\`.`,
    );
  }
  await custody.remove(id);
  await custody.persist(async () => (await generations.remove(generationIn(control, to))) ?? 'done');
}

async function beginAnew(options: RebuildOptions): Promise<Control> {
  const { custody, generations, document, brokers, holder } = options;
  const from = await custody.persist(() => wrapped(generations.current(document)));
  const all = await custody.persist(() => generations.list(document));
  const { index = '', number = 0 } = from.found ?? (await nothing(options));
  const orphan = all.filter((generation) => generation.number > number).at(-1);
  if (orphan !== undefined && from.found === undefined && !options.restart) {
    throw refuse(
      `${orphan.index} is there, but no alias names it. \`sluice adopt ${document} --index ${orphan.index}\` gives the alias back; \`sluice rebuild ${document} --restart\` makes another index of the topics.`,
    );
  }
  if (orphan !== undefined && !options.restart) {
    throw refuse(
      `${orphan.index} is there, and nothing says how far it came; was the control index deleted? \`sluice rebuild ${document} --restart\` makes another.`,
    );
  }
  const missing = await missingHistory(brokers);
  if (missing.length > 0 && !options.incompleteHistory && options.snapshot === undefined) {
    throw refuse(
      `${missing.join(' ')} An index made of it would lack documents; --snapshot has the connector read the tables again into the topics, --incomplete-history makes it all the same.`,
    );
  }
  const snapshot = options.snapshot && (await requestOf(options.snapshot, holder, options));
  const next = Math.max(number, ...all.map((generation) => generation.number)) + 1;
  const control: Control = {
    document,
    rebuild: `${holder}-${next}`,
    phase: 'loading',
    from: index,
    to: generationName(document, next),
    live: index,
    groupId: `${options.groupId}.rebuild.${document}.${next}`,
    definition: options.definition,
    content: options.content,
    created: false,
    startedAt: options.now(),
    startedBy: options.startedBy,
    lease: { holder, count: 0 },
    acknowledged: {},
    refused: [],
    lost: [],
    ...(snapshot && { snapshot }),
  };
  await brokers.forget(control.groupId);
  if (await custody.create(control)) return control;
  throw new SluiceError([
    { code: 'REBUILD_RUNNING', message: `Another process began to rebuild ${document} just now.` },
  ]);
}

/** There is no index that the alias names; throws if its name is taken, so that no alias can have it. */
async function nothing({ custody, generations, document }: RebuildOptions): Promise<Partial<Generation>> {
  const { found } = await custody.persist(() => wrapped(generations.find(document, document)));
  if (found?.index === document) {
    throw refuse(
      `An index is called ${document}, where the alias should be; docs/operations.md, "An index that is there already", says how to move it.`,
    );
  }
  return {};
}

export async function wrapped<T>(
  answer: Promise<T | undefined | Failure>,
): Promise<{ readonly found: T | undefined } | Failure> {
  const found = await answer;
  return isFailure(found) ? found : { found };
}

/** Why the topics do not hold all history, each as a sentence. */
export async function missingHistory(brokers: Brokers): Promise<readonly string[]> {
  const topics = await brokers.history();
  return topics
    .filter(({ gone }) => gone > 0)
    .map(({ topic, gone }) => `${gone} offsets of the topic ${topic} are gone (retention or deletion).`);
}
