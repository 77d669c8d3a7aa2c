/**
 * Looks up in the database what nulls in doubt are (`mapping/null-doubts.ts`), once per document and request, before the write goes
 * to the index.
 *
 * It converges. The write that is sent is the newest that this process has of its document. The database is read after the
 * row's transaction has become visible there, so the value is that of this change or of a later one; and a later change of the row
 * comes as a record with a higher version, which is looked up in its turn. Until that one is written, the field may be newer
 * than the rest of the document. A replay or a rebuild reads the newest value too, for the same reason.
 */
import { completed } from '../json/partial-document.ts';
import type { DocumentWrite, IndexWrite } from '../model/document.ts';
import type { WriteOutcome } from '../model/outcome.ts';
import type { NullReader, NullsRead, Observer, Sink } from './ports.ts';
import { unanswered } from './write/answer.ts';

type InDoubt = IndexWrite & Required<Pick<IndexWrite, 'doubt'>>;

/**
 * A write whose database cannot be asked is `retryable`; all others of its request go on. What the database cannot tell stays null.
 * Inside of `withWithheld`, which makes documents whole first.
 */
export function withNullReads(sink: Sink, nulls: NullReader, observer: Pick<Observer, 'nullRead'>): Sink {
  const resolved = (write: InDoubt, { values }: Extract<NullsRead, { kind: 'read' }>): IndexWrite => {
    const set = write.doubt.paths.flatMap((path, at) => {
      const text = values[at];
      return text === undefined ? [] : [{ path, text }];
    });
    if (set.length > 0) observer.nullRead(write.index, 'value', set.length);
    if (set.length < values.length) observer.nullRead(write.index, 'null', values.length - set.length);
    if (set.length === 0) return write;
    const change = { source: nothing, withheld: [], patch: { set, removed: [], truncated: [] } };
    return { ...write, source: completed(write.source.toString(), [change]).source };
  };

  return {
    write: async (writes, signal) => {
      const inDoubt = writes.filter(isInDoubt);
      if (inDoubt.length === 0) return sink.write(writes, signal);
      const answers = await nulls.read(inDoubt, signal);
      const failures = new Map<DocumentWrite, WriteOutcome>();
      const ready = new Map<DocumentWrite, IndexWrite>();
      for (const [at, write] of inDoubt.entries()) {
        const answer = answers[at];
        if (answer?.kind === 'read') ready.set(write, resolved(write, answer));
        if (answer?.kind === 'untold') observer.nullRead(write.index, 'untold', write.doubt.paths.length);
        if (answer?.kind === 'unreachable') failures.set(write, { status: 'retryable', failure: answer.failure });
      }
      const possible = writes.filter((write) => !failures.has(write));
      const outcomes =
        possible.length === 0
          ? []
          : await sink.write(
              possible.map((write) => ready.get(write) ?? write),
              signal,
            );
      let next = 0;
      return writes.map((write) => failures.get(write) ?? outcomes[next++] ?? unanswered);
    },
  };
}

const nothing = Buffer.from('{}');

const isInDoubt = (write: DocumentWrite): write is InDoubt => write.action === 'index' && write.doubt !== undefined;
