/**
 * Values that the source did not send (docs/decisions/0010): PostgreSQL's TOAST, Oracle's LOBs, changes that name only what they change. A document
 * is written whole, so a write that lacks something takes it from the older writes of the document that wait with it (the lane
 * has put those among its steps), else from the index, else (after a change of the primary key) from the document of the old
 * key; else the field is left out, and counted.
 *
 * Reading before writing is safe for three reasons: a document has one write in flight, so every older write of it that this
 * process has taken over is in the index; what another process may still send is older, and was read here too; and what is
 * written carries its version, so that a replay which takes a newer value is refused.
 */
import type { DocumentWrite, IndexWrite } from '../../model/document.ts';
import type { WriteOutcome } from '../../model/outcome.ts';
import type { Step } from '../../model/partial-change.ts';
import { completed } from '../../json/partial-document.ts';
import { isWhole } from '../../model/partial-change.ts';
import { isPartial } from './lane.ts';
import type { DocumentPlace, DocumentReader, Observer, Sink } from '../ports.ts';

/** Documents whose rows went on under another key are remembered until a document takes from them; the oldest go first. */
const maxEstates = 1000;

const keyOf = (index: string, id: string): string => `${index}/${id}`;

/** Whether the steps begin with the document as it is in the index. */
function needBase(steps: readonly Step[] | undefined): boolean {
  const first = steps?.[0];
  return steps !== undefined && (first === undefined || !isWhole(first));
}

/** Completes writes before they go to the sink. */
export function withWithheld(sink: Sink, documents: DocumentReader, observer: Observer): Sink {
  /** index/id → the document's text; in the order in which they were left. */
  const estates = new Map<string, string>();
  const told = new Set<string>();

  const bequeath = (key: string, text: string): void => {
    estates.delete(key);
    estates.set(key, text);
    if (estates.size <= maxEstates) return;
    for (const oldest of estates.keys()) return void estates.delete(oldest);
  };

  const tell = (index: string, omitted: readonly (readonly string[])[]): void => {
    for (const path of omitted) {
      const field = path.length === 0 ? 'all fields but those that changed' : `"${path.join('.')}"`;
      if (told.has(`${index}/${field}`)) continue;
      told.add(`${index}/${field}`);
      const message = `The database did not send ${field} of a document of ${index}, and no earlier value is known.`;
      observer.warned({ code: 'VALUE_WITHHELD', message });
    }
  };

  const complete = ({ steps = [], ...write }: IndexWrite, texts: ReadonlyMap<string, string>): IndexWrite => {
    const formerOf = (id: string): string | undefined =>
      estates.get(keyOf(write.index, id)) ?? texts.get(keyOf(write.index, id));
    const { source, kept, omitted } = completed(texts.get(keyOf(write.index, write.id)), steps, formerOf);
    if (kept > 0) observer.withheld(write.index, 'kept', kept);
    if (omitted.length > 0) observer.withheld(write.index, 'omitted', omitted.length);
    tell(write.index, omitted);
    return { ...write, source };
  };

  const whole = async (
    writes: readonly DocumentWrite[],
    places: readonly DocumentPlace[],
    signal: AbortSignal,
  ): Promise<readonly DocumentWrite[] | WriteOutcome> => {
    const read = places.length === 0 ? [] : await documents.read(places, signal);
    if ('code' in read) return { status: 'retryable', failure: read };
    const texts = new Map<string, string>();
    for (const [position, { index, id }] of places.entries()) {
      const text = read[position];
      if (typeof text === 'string') texts.set(keyOf(index, id), text);
    }
    // What is left is known before anybody takes from it.
    for (const { index, id, bequeaths } of writes) {
      const base = texts.get(keyOf(index, id));
      // A delete that is tried again finds nothing any more, if it was applied before: what was remembered then stays.
      if (bequeaths === undefined || (base === undefined && needBase(bequeaths))) continue;
      bequeath(keyOf(index, id), completed(base, bequeaths).source.toString());
    }
    return writes.map((write) =>
      write.action === 'index' && write.steps !== undefined ? complete(write, texts) : write,
    );
  };

  return {
    write: async (writes, signal) => {
      if (!writes.some(isPartial)) return sink.write(writes, signal);
      const completedWrites = await whole(writes, placesOf(writes), signal);
      if (!('status' in completedWrites)) return sink.write(completedWrites, signal);
      // Those for which nothing had to be read do not wait for those that could not be completed.
      const others = writes.filter((write) => !isPartial(write));
      const outcomes = others.length === 0 ? [] : await sink.write(others, signal);
      return writes.map((write) => outcomes[others.indexOf(write)] ?? completedWrites);
    },
  };
}

const stepsOf = (write: DocumentWrite): readonly Step[] | undefined =>
  write.action === 'index' ? write.steps : undefined;

/** The documents from which the writes take; each once. */
function placesOf(writes: readonly DocumentWrite[]): readonly DocumentPlace[] {
  const places = new Map<string, DocumentPlace>();
  for (const write of writes) {
    const { index, id, routing, bequeaths } = write;
    const steps = stepsOf(write);
    const own = { index, id, ...(routing !== undefined && { routing }) };
    if (needBase(bequeaths) || needBase(steps)) places.set(keyOf(index, id), own);
    for (const { formerId } of steps ?? []) {
      if (formerId !== undefined) places.set(keyOf(index, formerId), { ...own, id: formerId });
    }
  }
  return [...places.values()];
}
