/**
 * Records → what each document should be: the write of its highest version, as Elasticsearch itself would decide, but that no
 * delete is ever forgotten. Shares with the service what makes ids, versions and contents, and nothing else.
 *
 * Values that the source withheld (docs/decisions/0010) come from the document before, so the documents' texts must be kept: if a write is met
 * that needs one and they are not, `metPart` says so, and the fold is to be made again with them.
 */
import { hash } from 'node:crypto';
import type { ChangeEvent, RowChange } from '../model/change-event.ts';
import { canonicalJson } from '../json/canonical.ts';
import type { DocumentMapper, DocumentWrite, IndexWrite, Mapped } from '../model/document.ts';
import type { Path, Step } from '../model/partial-change.ts';
import { completed } from '../json/partial-document.ts';
import { isWhole } from '../model/partial-change.ts';
import type { ExternalVersion, Offset } from '../model/position.ts';
import type { RecordPlace, SourceRecord } from '../model/record.ts';
import type { VectorField } from '../model/vector-field.ts';
import type { ProofStore, TakeRecord } from './verify-ports.ts';

export interface FoldRoute {
  readonly decode: (record: SourceRecord) => ChangeEvent;
  readonly mapper: DocumentMapper;
  /** Whether halves of a change of a primary key may come in another order than they were made: they are in two partitions. */
  readonly isDivided: boolean;
  /** The version by which a truncate of the table deletes what is older; undefined where it leaves the documents alone. */
  readonly truncatedBy?: ((place: RecordPlace) => ExternalVersion) | undefined;
}

export interface FoldOptions {
  readonly store: ProofStore;
  /** Called once per topic. */
  readonly routeOf: (topic: string) => FoldRoute;
  /** Whether the text of a document is kept. */
  readonly keepsText: (id: string) => boolean;
  /** Of the index. */
  readonly vectors?: readonly VectorField[] | undefined;
}

export interface Fold {
  readonly take: TakeRecord;
  counts(): FoldCounts;
}

export interface FoldCounts {
  readonly records: number;
  /** Records that no document can be made of, which are dead letters of the service. */
  readonly refused: number;
  readonly truncates: number;
  /** Writes that needed a text that was not kept. */
  readonly metPart: number;
}

/** Of the document's content, whatever the order of its fields, the form of its numbers, and how an index keeps its vectors. */
export function digestOf(text: string, leaveOut?: readonly Path[], vectors?: readonly VectorField[]): Buffer {
  return contentDigest(canonicalJson(text, leaveOut, vectors));
}

/** Of a canonical text. */
export function contentDigest(canonical: string): Buffer {
  return hash('sha256', canonical, 'buffer').subarray(0, 16);
}

interface Content {
  readonly digest: Buffer | null;
  readonly omitted?: string | undefined;
  readonly text?: Buffer | undefined;
}

const unknown: Content = { digest: null };

export function createFold({ store, routeOf, keepsText, vectors }: FoldOptions): Fold {
  const routes = new Map<string, FoldRoute>();
  let records = 0;
  let refused = 0;
  let truncates = 0;
  let metPart = 0;

  const routeTo = (topic: string): FoldRoute => {
    let route = routes.get(topic);
    if (route === undefined) routes.set(topic, (route = routeOf(topic)));
    return route;
  };

  /** What the steps make of the document before; unknown where that is. */
  const joined = ({ id, version, doubt }: IndexWrite, steps: readonly Step[], isDivided: boolean): Content => {
    const before = store.expectationOf(id);
    // A replay: what it would be made of is no more.
    if (before !== undefined && BigInt(before.version) >= BigInt(version)) return unknown;
    const exists = before?.isDeleted === false;
    const base = exists ? store.textOf(id) : undefined;
    const moved = isDivided && steps.some(({ formerId }) => formerId !== undefined);
    if (moved || (exists && base === undefined && steps[0] !== undefined && !isWhole(steps[0]))) {
      if (!moved) metPart += 1;
      return unknown;
    }
    const formerOf = (former: string): string | undefined =>
      (store.estateOf(former) ?? store.textOf(former))?.toString();
    const { source, omitted } = completed(base?.toString(), steps, formerOf);
    const text = source.toString();
    // Where a change names only what it changes, what was omitted before is omitted still.
    const still =
      exists && before.omitted !== undefined && steps.every(({ patch }) => patch !== undefined)
        ? pathsIn(before.omitted)
        : [];
    const lacking = [...omitted, ...still, ...(doubt?.paths ?? [])];
    if (lacking.some((path) => path.length === 0)) return { digest: null, text: source };
    if (lacking.length === 0) return { digest: digestOf(text, [], vectors), text: source };
    return { digest: digestOf(text, lacking, vectors), omitted: JSON.stringify(lacking), text: source };
  };

  const contentOf = (write: IndexWrite, isDivided: boolean): Content => {
    if (write.steps !== undefined) {
      // Nobody keeps texts as long as every document comes whole.
      if (!keepsText(write.id)) {
        metPart += 1;
        return unknown;
      }
      return joined(write, write.steps, isDivided);
    }
    const { source, doubt } = write;
    // The service has looked up what these nulls are; the topics do not tell.
    const inDoubt = doubt?.paths ?? [];
    const digest = digestOf(source.toString(), inDoubt, vectors);
    return { digest, text: source, ...(inDoubt.length > 0 && { omitted: JSON.stringify(inDoubt) }) };
  };

  const apply = (write: DocumentWrite, source: number, offset: Offset, isDivided: boolean): void => {
    const { id, version, routing } = write;
    const keeps = keepsText(id);
    const place = { id, version, source, offset, routing };
    if (write.action === 'delete') {
      const text = keeps && write.bequeaths !== undefined ? store.textOf(id) : undefined;
      if (text !== undefined) store.bequeath(id, text);
      store.expect({ ...place, isDeleted: true, digest: null, omitted: undefined });
      if (keeps) store.keepText(id, version, undefined);
      return;
    }
    const { digest, omitted, text } = contentOf(write, isDivided);
    store.expect({ ...place, isDeleted: false, digest, omitted });
    if (keeps) store.keepText(id, version, text);
  };

  const take: TakeRecord = (record, source) => {
    const { decode, mapper, isDivided, truncatedBy } = routeTo(record.topic);
    records += 1;
    let event: ChangeEvent;
    let mapped: Mapped | undefined;
    try {
      event = decode(record);
      if (isRowChange(event)) mapped = mapper(event);
    } catch {
      // A defect, as the service finds it: that record alone is set aside.
      refused += 1;
      return;
    }
    switch (event.op) {
      case 'ignored':
        return;
      case 'unreadable':
        refused += 1;
        return;
      case 'truncate':
        truncates += 1;
        if (truncatedBy !== undefined) store.truncate(truncatedBy(record), source, record.offset);
        return;
      case 'read':
      case 'create':
      case 'update':
      case 'delete': {
        if (mapped?.kind === 'refused') refused += 1;
        if (mapped?.kind !== 'write') return;
        const { write, also } = mapped;
        // A document that only changed its routing is one document still.
        if (also !== undefined && also.id !== write.id) apply(also, source, record.offset, isDivided);
        apply(write, source, record.offset, isDivided);
      }
    }
  };

  return { take, counts: () => ({ records, refused, truncates, metPart }) };
}

function isRowChange(event: ChangeEvent): event is RowChange {
  return event.op === 'read' || event.op === 'create' || event.op === 'update' || event.op === 'delete';
}

export function pathsIn(omitted: string): readonly Path[] {
  return JSON.parse(omitted) as readonly Path[];
}
