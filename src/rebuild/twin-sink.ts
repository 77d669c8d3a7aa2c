/**
 * The sink of a running instance while two generations are written: a write becomes two, and their outcomes one.
 */
import { directiveOf } from '../errors.ts';
import type { DocumentWrite } from '../model/document.ts';
import { generationOf } from '../model/generation.ts';
import type { Failure, WriteOutcome } from '../model/outcome.ts';
import type { Observer, Sink } from '../pipeline/ports.ts';
import type { Writing } from './handover.ts';
import { excuse } from './handover.ts';
import type { ControlStore, Stored } from './ports.ts';
import { isFailure } from '../model/outcome.ts';

export interface TwinSinkOptions {
  readonly sink: Sink;
  readonly store: ControlStore;
  readonly observer: Observer;
  /** Where a document is written, as known by now. */
  readonly writingTo: (document: string) => Writing;
  /** Reads its control document, and learns from it where it is written. */
  readonly readOne: (document: string) => Promise<{ readonly stored: Stored | undefined } | Failure>;
}

type Refusal = Parameters<typeof excuse>[2];

const changed: WriteOutcome = {
  status: 'retryable',
  failure: { code: 'HANDOVER_CHANGED', message: 'The generations that are written changed while a write was sent.' },
};

export function createTwinSink({ sink, store, observer, writingTo, readOne }: TwinSinkOptions): Sink {
  /** Writes down that a generation does without a write (rule 6); `theirs` is what it answered, `ours` what the live one did. */
  const doWithout = async (
    document: string,
    rebuild: string,
    refusal: Refusal,
    ours: WriteOutcome,
    theirs: WriteOutcome,
  ): Promise<WriteOutcome> => {
    for (;;) {
      const found = await readOne(document);
      if (isFailure(found)) return { status: 'retryable', failure: found };
      const answer = excuse(found.stored?.control, rebuild, refusal);
      if (answer.kind === 'changed') return changed;
      if (answer.kind === 'live') return theirs;
      if (found.stored === undefined) return changed;
      const { control, mark } = found.stored;
      const written = answer.control === control ? 'done' : await store.replace(answer.control, mark);
      if (written === 'changed') continue;
      if (isFailure(written)) return { status: 'retryable', failure: written };
      await readOne(document);
      observer.warned({ code: 'GENERATION_REFUSED', message: refusalText(refusal) });
      return ours;
    }
  };

  const combine = async (
    write: DocumentWrite,
    writing: Extract<Writing, { kind: 'generations' }>,
    live: WriteOutcome,
    other: WriteOutcome | undefined,
  ): Promise<WriteOutcome> => {
    const { rebuild } = writing;
    if (live.status === 'retryable') {
      if (live.failure.code === 'INDEX_MISSING') await readOne(write.index);
      return live;
    }
    if (live.status === 'rejected') {
      const found = await readOne(write.index);
      if (isFailure(found)) return { status: 'retryable', failure: found };
      const now = writingTo(write.index);
      return now.kind === 'generations' && now.rebuild === rebuild && now.live === writing.live ? live : changed;
    }
    if (other === undefined || writing.other === undefined) return live;
    const generation = writing.other;
    if (other.status === 'rejected') {
      const { id, routing, version } = write;
      const refused = { generation, id, ...(routing !== undefined && { routing }), version, code: other.failure.code };
      return doWithout(write.index, rebuild, { kind: 'refused', write: refused }, live, other);
    }
    if (other.status === 'retryable') {
      if (directiveOf(other.failure) !== 'pause') return other;
      return doWithout(write.index, rebuild, { kind: 'lost', generation, why: other.failure.message }, live, other);
    }
    return live;
  };

  const writeTwice = async (
    writes: readonly DocumentWrite[],
    signal: AbortSignal,
  ): Promise<readonly WriteOutcome[]> => {
    // Where each goes is decided once, before anything is waited for.
    const plans = writes.map((write) => ({ write, writing: writingTo(write.index) }));
    const sent = plans.flatMap(({ write, writing }): DocumentWrite[] => {
      if (writing.kind === 'alias') return [write];
      const generations = writing.other === undefined ? [writing.live] : [writing.live, writing.other];
      return generations.map((generation) => ({
        ...write,
        index: generationOf(write.index, generation, undefined).writes,
      }));
    });
    const answers = (await sink.write(sent, signal)).values();
    const outcomes: WriteOutcome[] = [];
    for (const { write, writing } of plans) {
      const live = answers.next().value ?? changed;
      if (writing.kind === 'alias') outcomes.push(live);
      else {
        const other = writing.other === undefined ? undefined : (answers.next().value ?? changed);
        outcomes.push(await combine(write, writing, live, other));
      }
    }
    return outcomes;
  };

  return {
    write: (writes, signal) =>
      writes.every(({ index }) => writingTo(index).kind === 'alias')
        ? sink.write(writes, signal)
        : writeTwice(writes, signal),
  };
}

function refusalText(refusal: Refusal): string {
  if (refusal.kind === 'lost') return `${refusal.generation} is not written any more: ${refusal.why}`;
  const { generation, id, code } = refusal.write;
  return `${generation} refuses the document "${id}" (${code}), which the live generation takes.`;
}
