/** The real decoder, mappers and pipeline, fed with damaged records, and watched at each door. Holds nothing but what it counts. */
import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { bulkBody } from '../../src/elasticsearch/bulk/bulk-body.ts';
import { createDecoder } from '../../src/envelope/decoder.ts';
import { compileDocument } from '../../src/mapping/compile.ts';
import { documentDefinitionSchema } from '../../src/mapping/definition.ts';
import type { DocumentMapper, DocumentWrite } from '../../src/model/document.ts';
import type { ReadFrame } from '../../src/model/frame.ts';
import { applied, superseded } from '../../src/model/outcome.ts';
import type { WriteOutcome } from '../../src/model/outcome.ts';
import { nextOffset } from '../../src/model/position.ts';
import type { SourceRecord } from '../../src/model/record.ts';
import type { Accounts } from '../../src/pipeline/settle/ledger.ts';
import { createPipeline } from '../../src/pipeline/pipeline.ts';
import type { DeadLetters, Intake, Sink, Source } from '../../src/pipeline/ports.ts';
import { withWithheld } from '../../src/pipeline/write/withheld.ts';
import { createManualClock } from '../fakes/manual-clock.ts';
import { silentObserver } from '../fakes/silent-observer.ts';
import { checkDocument, checkNumbers } from './fuzz-claims.ts';

/** A topic as it was recorded, and what reads its frames. */
export interface Topic {
  readonly name: string;
  readonly records: readonly [SourceRecord, ...SourceRecord[]];
  readonly readFrame: ReadFrame | undefined;
  /** Columns of its rows, for mapping files that name some. */
  readonly columns: readonly string[];
  /** Whether documents without a mapping file are compared with the record number by number. */
  readonly compared: boolean;
}

export interface FuzzWorld {
  /** Hands the records of one topic over, and resolves when all of them are settled. */
  take(topic: Topic, records: readonly SourceRecord[]): Promise<void>;
  accounts(): Accounts;
  /** Dead letters by code, documents written, numbers compared, and the milliseconds of the slowest record. */
  readonly seen: Seen;
  /** What must not be, each with the record that it came of. */
  readonly wrong: readonly string[];
  stop(): Promise<{ readonly recordsLeft: number }>;
}

export interface Seen {
  readonly letters: Map<string, number>;
  documents: number;
  numbers: number;
  slowestMs: number;
}

/** As many documents are remembered for those that must be completed. */
const maxDocuments = 2000;

export function createFuzzWorld(topics: ReadonlyMap<string, Topic>): FuzzWorld {
  const seen: Seen = { letters: new Map(), documents: 0, numbers: 0, slowestMs: 0 };
  const wrong: string[] = [];
  let records = new Map<string, SourceRecord>();
  const say = (record: SourceRecord | undefined, what: string): void => {
    const { topic, key = null, value = null } = record ?? {};
    const shown = (bytes: Buffer | null): string =>
      bytes === null ? 'null' : isUtf8(bytes) ? bytes.toString().slice(-3000) : `base64 ${bytes.toString('base64')}`;
    const text = `${topic ?? ''}\n${shown(key)}\n${shown(value)}`;
    if (wrong.length < 3) wrong.push(`${what}: ${text}`);
  };
  const documents = new Map<string, string>();
  const versions = new Map<string, bigint>();

  const apply = (write: DocumentWrite, line: string | undefined): WriteOutcome => {
    const place = `${write.index}/${write.id}`;
    const record = records.get(write.version);
    if (write.action === 'index') {
      const complaint = checkDocument(line, record, write.index);
      if (complaint === 'refused')
        return { status: 'rejected', failure: { code: 'DOCUMENT_REJECTED', message: 'no JSON' } };
      if (complaint !== undefined) say(record, complaint);
      seen.documents += 1;
    }
    const version = BigInt(write.version);
    if (version <= (versions.get(place) ?? -1n)) return superseded;
    if (versions.size >= maxDocuments) {
      versions.clear();
      documents.clear();
    }
    versions.set(place, version);
    if (write.action === 'index') documents.set(place, line ?? '');
    else documents.delete(place);
    return applied;
  };

  const sink: Sink = {
    write: (writes) => {
      const lines = bulkBody(writes).toString().split('\n');
      const expected = writes.reduce((sum, { action }) => sum + (action === 'index' ? 2 : 1), 1);
      if (lines.length !== expected) say(records.get(writes[0]?.version ?? ''), 'a document is more than one line');
      let at = 0;
      return Promise.resolve(
        writes.map((write) => {
          JSON.parse(lines[at] ?? '');
          const line = write.action === 'index' ? lines[at + 1] : undefined;
          at += write.action === 'index' ? 2 : 1;
          return apply(write, line);
        }),
      );
    },
  };

  const deadLetters: DeadLetters = {
    write: (letters) => {
      for (const { record, failure } of letters) {
        seen.letters.set(failure.code, (seen.letters.get(failure.code) ?? 0) + 1);
        if (failure.code === 'RECORD_NOT_HANDLED') say(record, failure.message);
      }
      return Promise.resolve();
    },
  };

  const timed =
    <B, C>(run: (input: C) => B, offsetOf: (input: C) => number) =>
    (input: C): B => {
      const startedAtMs = performance.now();
      try {
        return run(input);
      } catch (error) {
        // The pipeline makes a dead letter of it, but it is a defect all the same: where was it?
        say(
          records.get(String(offsetOf(input))),
          error instanceof Error ? (error.stack ?? error.message) : String(error),
        );
        throw error;
      } finally {
        seen.slowestMs = Math.max(seen.slowestMs, performance.now() - startedAtMs);
      }
    };

  const plainMapper = (topic: Topic): DocumentMapper => {
    const map = compileDocument(documentDefinitionSchema.parse({ document: 'plain', from: topic.name })).createMapper();
    return (change) => {
      const mapped = map(change);
      if (topic.compared && change.op !== 'delete' && mapped.kind === 'write' && mapped.write.action === 'index') {
        const compared = checkNumbers(change, mapped.write);
        if (typeof compared === 'string') say(change.record, compared);
        else seen.numbers += compared;
      }
      return mapped;
    };
  };

  const source: Source & { intake?: Intake } = {
    run: (given, signal) =>
      new Promise((resolve) => {
        source.intake = given;
        signal.addEventListener('abort', () => {
          void given.revoking().then(resolve);
        });
      }),
    commit: (settled) => Promise.resolve(settled),
    remainingMs: () => Number.POSITIVE_INFINITY,
  };
  const clock = createManualClock();
  const pipeline = createPipeline({
    source,
    sink: withWithheld(
      sink,
      { read: (places) => Promise.resolve(places.map(({ index, id }) => documents.get(`${index}/${id}`) ?? null)) },
      silentObserver(),
    ),
    deadLetters,
    clock,
    observer: silentObserver(),
    retry: { initialMs: 10, maxMs: 1000, pauseMs: 5000, random: () => 0.5 },
    routeOf: (name) => {
      const topic = topics.get(name);
      if (topic === undefined) throw new Error(`There is no topic ${name}.`);
      const rich = compileDocument(documentDefinitionSchema.parse(richMapping(topic)), { hashKey: 'a key for tests' });
      return {
        decode: timed(
          createDecoder(rich.form, topic.readFrame && { readFrame: topic.readFrame }),
          ({ offset }) => offset,
        ),
        mappers: [plainMapper(topic), rich.createMapper()].map((map) => timed(map, ({ record }) => record.offset)),
        redact: rich.redact,
      };
    },
    maxRequests: 2,
    maxBatchCount: 50,
    maxBatchBytes: 1_000_000,
    lingerMs: 1,
    maxBytesHeld: 100_000_000,
    commitIntervalMs: 100,
    drainTimeoutMs: 50,
  });
  const stopping = new AbortController();
  const running = pipeline.run(stopping.signal);
  source.intake?.assigned(
    [...topics.keys()].map((topic) => ({ topic, partition: 0 })),
    {
      memberId: 'm',
      generation: 1,
    },
  );

  return {
    seen,
    wrong,
    accounts: () => pipeline.status().accounts,
    take: async (topic, taken) => {
      records = new Map(taken.map((record) => [String(record.offset), record]));
      const last = taken.at(-1);
      if (last === undefined) return;
      const next = nextOffset(last.offset);
      source.intake?.accept({ topic: topic.name, partition: 0, records: taken, next, highWatermark: next });
      for (let turns = 0; pipeline.status().recordsHeld > 0; turns += 1) {
        if (turns > 1000)
          throw new Error(`Records of ${topic.name} are never settled: ${pipeline.status().lastFailure ?? ''}`);
        await new Promise(setImmediate);
        clock.advance(100);
      }
    },
    stop: () => {
      stopping.abort();
      return running;
    },
  };
}

const hints = ['decimal(2)', 'date-from-days', 'timestamp-from-micros', 'timestamp-from-millis', 'lowercase', 'json'];

/** A mapping file that uses all that one can say, of columns that differ from topic to topic. */
export function richMapping({ name, columns }: Pick<Topic, 'name' | 'columns'>): Readonly<Record<string, unknown>> {
  const at = createHash('md5').update(name).digest();
  const column = (nth: number): string => columns[((at[nth] ?? 0) + nth) % Math.max(1, columns.length)] ?? 'absent';
  const fields = {
    'nested.inner': { from: column(0) },
    'nested.constant': { value: { kind: 'constant' } },
    'nested.deeper.hinted': { from: column(1), as: hints[(at[1] ?? 0) % hints.length] },
    masked: { from: column(2), as: 'mask' },
    hashed: { from: column(3), as: 'hash' },
    inside: { from: `${column(4)}.a` },
  };
  return {
    document: 'rich',
    from: name,
    fields,
    ...((at[5] ?? 0) % 2 === 0 && { where: { [column(5)]: { not: [null, 'nothing like it'] } } }),
    ...((at[6] ?? 0) % 4 === 0 && { id: { from: [column(6)], overlong: 'hash' } }),
  };
}
