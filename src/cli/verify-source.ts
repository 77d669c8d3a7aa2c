/**
 * `sluice verify --source`: the index against the rows in SQL.
 */
import type { Source } from '../compose-source.ts';
import { openSource } from '../compose-source.ts';
import { SluiceError } from '../errors.ts';
import type { VerifySourceOptions } from '../rebuild/source-expectation.ts';
import type { Differences } from '../rebuild/source-rounds.ts';
import type { Uncompared } from '../rebuild/source-rows.ts';
import type { SourceVerified } from '../rebuild/verify-source.ts';
import { verifySource } from '../rebuild/verify-source.ts';
import type { Verdict } from '../rebuild/verify-ports.ts';
import type { ExitCode, Surroundings } from './command.ts';
import type { FoundReport, Opened, ProofCommandOptions } from './proof.ts';
import { exitCodeOf, faultsIn, foundIn, orThrow, printFound } from './proof.ts';

export interface SourceCommandOptions extends ProofCommandOptions {
  /** A URL; true: that of the configuration. */
  readonly source?: string | true;
  readonly table?: readonly string[];
}

export interface SourceReport extends FoundReport {
  readonly rows: number;
  /** Rows that become no document; their records are dead letters. */
  readonly refused: number;
  /** `schema.table@position`: which rows, as they were when. */
  readonly upTo: readonly string[];
  /** Columns that no document was compared by, and why: `schema.table.column`. */
  readonly uncompared: readonly Uncompared[];
  /** Generated columns that the connector sends in snapshots only: `schema.table.column`. */
  readonly unsent: readonly string[];
  /** Of columns that are compared, how many values could not be. */
  readonly untold: Readonly<Record<string, number>>;
  /** Field → documents that differ in it. */
  readonly fields: Readonly<Record<string, number>>;
  /** Of the examples, in which fields they differ. */
  readonly differs: Readonly<Record<string, readonly string[]>>;
}

const meanings: Partial<Record<Verdict, string>> = {
  missing: 'rows whose document is not in the index',
  surplus: 'in the index, and of no row',
  differing: 'of another content than their row',
  misrouted: 'under another routing than their own',
  pending: 'not judged: the service has not written the records of the topics yet; is it running?',
  moving: 'not judged: row or document were changed at every look',
  unproven: 'not judged: the content of their documents cannot be told from SQL',
};

export async function verifySourceCommand(
  document: string,
  options: SourceCommandOptions,
  opened: Opened,
  surroundings: Surroundings,
): Promise<ExitCode> {
  await using source = await openSourceOf(options, opened);
  const compared = await compareWithSource(document, options, opened, source);
  opened.progress.stop();
  printSource(compared.report(), options.json, surroundings);
  return exitCodeOf(compared.report());
}

/** Rejects with a SluiceError where there is nothing to compare with. */
export function openSourceOf(
  { source, table = [] }: SourceCommandOptions,
  { proof, files }: Pick<Opened, 'proof' | 'files'>,
): Promise<Source> {
  const url = source === true ? files.config.source : source;
  if (url === undefined) throw noSource;
  return openSource(proof, url, table);
}

export interface ComparedWithSource {
  readonly options: VerifySourceOptions;
  readonly verified: SourceVerified;
  /** What is known by now; `again` is what a second comparison saw of the fields. */
  report(again?: Differences): SourceReport;
}

export async function compareWithSource(
  document: string,
  { patience, examples }: SourceCommandOptions,
  { proof, progress, signal }: Opened,
  source: Source,
): Promise<ComparedWithSource> {
  const startedAtMs = performance.now();
  const options: VerifySourceOptions = {
    ...{ tables: source.tables, reached: source.reached },
    ...{ store: proof.store, index: proof.index, clock: proof.clock },
    patienceMs: patience * 1000,
    progress: (what, done, total) => {
      progress.update(what, done, total);
    },
  };
  const verified = orThrow(await verifySource(options, signal));
  return {
    options,
    verified,
    report: (again = verified) =>
      sourceReport(
        foundIn(document, proof, verified, examples, startedAtMs),
        { ...verified, fields: again.fields, fieldsOf: again.fieldsOf },
        source.tables,
      ),
  };
}

function sourceReport(
  found: FoundReport,
  { rows, refused, marks, untold, fields, fieldsOf }: SourceVerified,
  tables: Source['tables'],
): SourceReport {
  const named = found.examples.differing ?? [];
  return {
    ...found,
    ...{ rows, refused, untold },
    upTo: tables.map(({ table }, at) => `${table.name}@${marks[at]?.position ?? ''}`),
    uncompared: tables.flatMap(({ table, rows: { uncompared } }) =>
      uncompared.map(({ column, reason }) => ({ column: `${table.name}.${column}`, reason })),
    ),
    unsent: tables.flatMap(({ table, rows }) => rows.unsent.map((column) => `${table.name}.${column}`)),
    fields: Object.fromEntries([...fields].sort(([, one], [, other]) => other - one)),
    differs: Object.fromEntries(
      named.flatMap((id) => (fieldsOf.has(id) ? [[id, fieldsOf.get(id) ?? []] as const] : [])),
    ),
  };
}

export function printSource(report: SourceReport, json: boolean | undefined, surroundings: Surroundings): void {
  if (json === true) {
    surroundings.print(JSON.stringify(report));
    return;
  }
  const {
    document,
    documents,
    rows,
    refused,
    upTo,
    uncompared,
    unsent,
    untold,
    fields,
    differs,
    seconds,
    peakMemoryMiB,
  } = report;
  const { print } = surroundings;
  print(
    `${document}: ${documents} documents and ${rows} rows of ${upTo.join(', ')}; ${seconds} s, at most ${peakMemoryMiB} MiB`,
  );
  if (refused > 0) print(`  ${refused} rows become no document that could be told; dead letters, mostly.`);
  for (const { column, reason } of uncompared) print(`  Not compared: ${column}, which ${reason}.`);
  for (const column of unsent) print(`  ${unsentText(column)}`);
  for (const [column, values] of Object.entries(untold)) {
    print(`  Not compared: ${values} values of ${column}, which the connector may write otherwise.`);
  }
  printFound(report, meanings, surroundings);
  for (const [id, names] of Object.entries(differs)) print(`    ${id} differs in ${names.join(', ')}`);
  const counted = Object.entries(fields).map(([name, count]) => `${name} (${count})`);
  if (counted.length > 0) print(`    in all: ${counted.join(', ')}`);
  if (faultsIn(report) === 0) print('✔ No document is other than its row says.');
}

const unsentText = (column: string): string =>
  `${column} is generated by the database, and the connector does not send it with changes: every change of a row takes the field from its document. ` +
  'Leave it out (`exclude: true` in the mapping file), or let the source send it (PostgreSQL 18: ALTER PUBLICATION … SET (publish_generated_columns = stored)).';

export const onlyWithSource = new SluiceError([
  { code: 'CONFIGURATION_INVALID', message: '`--table` says something only together with `--source`.' },
]);

const noSource = new SluiceError([
  {
    code: 'CONFIGURATION_INVALID',
    message: '`--source` has no URL, and neither `source` of the configuration nor SLUICE_SOURCE has one.',
  },
]);
