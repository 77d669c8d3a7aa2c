/**
 * What a comparison with SQL knows of each document: that which its row makes.
 */
import { canonicalWithoutNulls } from '../json/canonical.ts';
import type { Path } from '../model/partial-change.ts';
import type { ExternalVersion } from '../model/position.ts';
import { externalVersion, offset } from '../model/position.ts';
import type { Clock } from '../pipeline/ports.ts';
import { contentDigest } from './fold.ts';
import type { RowDocument, SourceRows } from './source-rows.ts';
import type { ProofIndex, ProofStore, SourceTable } from './verify-ports.ts';

export interface ComparedTable {
  readonly table: SourceTable;
  readonly rows: SourceRows;
}

/** How far the topics go and the service has come, for each partition. */
export interface Reached {
  readonly ends: readonly number[];
  readonly settled: readonly number[];
}

export interface VerifySourceOptions {
  readonly tables: readonly ComparedTable[];
  readonly store: ProofStore;
  readonly index: ProofIndex;
  readonly clock: Clock;
  readonly reached: () => Promise<Reached>;
  /** How long a change of a row may take into the topics: what differs for longer, and is settled, is wrong. */
  readonly patienceMs: number;
  readonly progress: (what: string, done: number, total: number) => void;
}

/** Readings are counted, and an expectation's version is the reading that found its row another than before. */
export const versionOf = (reading: number): ExternalVersion => externalVersion(0, offset(reading));

export interface Reading {
  readonly reading: number;
  /** The number of the table. */
  readonly source: number;
  /** The fields that no document is compared by. */
  readonly leaveOut: readonly Path[];
}

/** Keeps what the row's document should be, and the row's key, by which it is found again. */
export function expectRow(store: ProofStore, made: RowDocument, { reading, source, leaveOut }: Reading): void {
  const { id, routing, is, text, lacking, key, writtenBy } = made;
  const version = versionOf(reading);
  store.expect({
    ...{ id, version, source, routing },
    offset: offset(writtenBy),
    isDeleted: is === 'left-out',
    digest: is === 'told' ? sourceDigest(text, [...leaveOut, ...lacking]) : null,
    omitted: lacking.length === 0 ? undefined : JSON.stringify(lacking),
  });
  store.keepText(id, version, Buffer.from(JSON.stringify(key)));
}

/** As `expectRow`, unless the row is as it was. */
export function expectChanged(store: ProofStore, made: RowDocument, reading: Reading): void {
  const before = store.expectationOf(made.id);
  const isLeftOut = made.is === 'left-out';
  if (before?.offset !== made.writtenBy || before.isDeleted !== isLeftOut) expectRow(store, made, reading);
}

/** The row is gone, or has another document now. */
export function expectNone(store: ProofStore, id: string, { reading, source }: Reading): void {
  store.expect({
    ...{ id, version: versionOf(reading), source, routing: undefined },
    ...{ offset: offset(0), isDeleted: true, digest: null, omitted: undefined },
  });
}

/** The key of the row whose document it is. */
export function keyOf(store: ProofStore, id: string): readonly (string | null)[] {
  return JSON.parse(store.textOf(id)?.toString() ?? '[]') as readonly (string | null)[];
}

export function sourceDigest(text: string, leaveOut: readonly Path[]): Buffer {
  return contentDigest(canonicalWithoutNulls(text, leaveOut));
}
