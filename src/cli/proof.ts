/**
 * What `verify`, `repair` and `sweep` share: opening, ending, and telling what was found.
 */
import type { Proof, ReadTopics } from '../compose-verify.ts';
import { openProof } from '../compose-verify.ts';
import type { IgnoredValues } from '../documents/ports.ts';
import { ignoredText } from '../documents/ignored-watch.ts';
import { SluiceError, explain } from '../errors.ts';
import type { Failure } from '../model/outcome.ts';
import { isFailure } from '../model/outcome.ts';
import { placeText } from '../model/record.ts';
import type { Fault, Verdict } from '../rebuild/verify-ports.ts';
import { faults } from '../rebuild/verify-ports.ts';
import type { Verified } from '../rebuild/verify.ts';
import type { CommonOptions, ExitCode, Surroundings } from './command.ts';
import { failWith } from './failures.ts';
import type { Files } from './files.ts';
import { readFiles } from './files.ts';
import type { Progress } from './progress.ts';
import { createProgress } from './progress.ts';

export interface ProofCommandOptions extends CommonOptions {
  readonly json?: boolean;
  /** Documents named of each kind. */
  readonly examples: number;
  /** MiB, of what is known of the documents. */
  readonly limitMemory: number;
  readonly spillFolder?: string;
  readonly index?: string;
  /** Seconds. */
  readonly patience: number;
}

export interface Opened {
  readonly files: Files;
  readonly proof: Proof;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** Opens what the commands need, and ends with sentences: 3 after a signal. */
export async function withProof(
  document: string,
  options: ProofCommandOptions,
  surroundings: Surroundings,
  use: (opened: Opened) => Promise<ExitCode>,
): Promise<ExitCode> {
  const files = await readFiles(options, surroundings);
  if (files === undefined) return 2;
  const stopping = new AbortController();
  const stop = (): void => {
    if (stopping.signal.aborted) process.exit(3);
    stopping.abort();
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  const progress = createProgress(surroundings);
  try {
    await using proof = await openProof(
      {
        ...files,
        document,
        index: options.index,
        cacheBytes: options.limitMemory * 1024 * 1024,
        folder: options.spillFolder,
        readRecords: (done, total) => {
          progress.update('Reading topics', done, total);
        },
        warned: (failure) => {
          surroundings.printError(explain(failure));
        },
      },
      stopping.signal,
    );
    return await use({ files, proof, progress, signal: stopping.signal });
  } catch (error) {
    progress.stop();
    if (stopping.signal.aborted) return 3;
    return failWith(error, surroundings);
  } finally {
    progress.stop();
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}

/** What was found, whatever the index was compared with. */
export interface FoundReport {
  readonly document: string;
  readonly documents: number;
  readonly expected: number;
  readonly counts: Readonly<Partial<Record<Verdict, number>>>;
  /** Ids. */
  readonly examples: Readonly<Partial<Record<Verdict, readonly string[]>>>;
  readonly seconds: number;
  readonly peakMemoryMiB: number;
}

export interface ProofReport extends FoundReport {
  readonly records: number;
  /** Documents with values that their fields could not take: right, and not found by those fields. */
  readonly ignored?: IgnoredValues;
  /** Records that became no document; they are dead letters. */
  readonly refused: number;
  readonly upTo: readonly string[];
}

export function foundIn(
  document: string,
  { store }: Proof,
  { documents, expected }: Verified,
  examples: number,
  startedAtMs: number,
): FoundReport {
  const counts = store.verdicts();
  return {
    ...{ document, documents, expected, counts },
    examples: Object.fromEntries(
      (Object.keys(counts) as Verdict[]).map((verdict) => [
        verdict,
        store.judged(verdict, examples).map(({ id }) => id),
      ]),
    ),
    seconds: Math.round((performance.now() - startedAtMs) / 100) / 10,
    // Kilobytes.
    peakMemoryMiB: Math.round(process.resourceUsage().maxRSS / 1024),
  };
}

export function reportOf(
  document: string,
  proof: Proof,
  { reader, fold }: ReadTopics,
  verified: Verified,
  examples: number,
  startedAtMs: number,
): ProofReport {
  const positions = reader.positions();
  const { records, refused } = fold.counts();
  return {
    ...foundIn(document, proof, verified, examples, startedAtMs),
    ...{ records, refused },
    upTo: reader.partitions.flatMap((partition, source) => {
      const offset = positions[source];
      return offset === undefined ? [] : placeText({ ...partition, offset });
    }),
  };
}

const meanings: Readonly<Record<Verdict, string>> = {
  missing: 'missing in the index: deleted there, or their inserts are dead letters',
  stale: 'older than their newest record that the service has settled: their updates may be dead letters',
  surplus: 'in the index although deleted, or of no row',
  differing: 'of another content than their record',
  misrouted: 'under another routing than their own',
  ahead: 'under a version that no record has, above that of the next records',
  pending: 'not judged: the service has not written their records yet; is it running?',
  moving: 'not judged: they were changed at every look',
  unproven: 'not judged: the topics do not hold all of them any more',
};

export function faultsIn({ counts }: Pick<ProofReport, 'counts'>): number {
  return faults.reduce((sum, fault: Fault) => sum + (counts[fault] ?? 0), 0);
}

export function printReport(report: ProofReport, json: boolean | undefined, { print }: Surroundings): void {
  if (json === true) {
    print(JSON.stringify(report));
    return;
  }
  const { document, documents, records, refused, upTo, seconds, peakMemoryMiB } = report;
  print(
    `${document}: ${documents} documents and ${records} records, up to ${upTo.join(', ')}; ${seconds} s, at most ${peakMemoryMiB} MiB`,
  );
  if (refused > 0) print(`  ${refused} records become no document; the service has them among its dead letters.`);
  printFound(report, meanings, { print });
  if (report.ignored !== undefined && report.ignored.documents > 0) print(`– ${ignoredText(document, report.ignored)}`);
  if (faultsIn(report) === 0) print('✔ No document is other than its topics say.');
}

/** A line for each verdict; `said` says what each means. */
export function printFound(
  { counts, examples }: FoundReport,
  said: Readonly<Partial<Record<Verdict, string>>>,
  { print }: Pick<Surroundings, 'print'>,
): void {
  for (const [verdict, count] of Object.entries(counts) as [Verdict, number][]) {
    const mark = isFault(verdict) ? '✖' : '–';
    const ids = examples[verdict] ?? [];
    const named = ids.length === 0 ? '' : `: ${ids.join(', ')}${ids.length < count ? ', …' : ''}`;
    print(`${mark} ${count} ${verdict} (${said[verdict] ?? verdict})${named}`);
  }
}

const isFault = (verdict: Verdict): verdict is Fault => faults.some((fault) => fault === verdict);

/** 1 if something is wrong, 3 if not all could be judged, else 0. */
export function exitCodeOf(report: Pick<ProofReport, 'counts'>): ExitCode {
  if (faultsIn(report) > 0) return 1;
  return (report.counts.pending ?? 0) > 0 ? 3 : 0;
}

export function orThrow<T extends object>(answer: T | Failure): T {
  if (isFailure(answer)) throw new SluiceError([answer]);
  return answer;
}
