/**
 * What is known of each document, in a file of SQLite that nobody else reads: pages beyond the cache are on disk. Nothing in it
 * outlives the process, so nothing is made durable: no journal, no syncing, one transaction without an end.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SQLOutputValue, StatementSync } from 'node:sqlite';
import { DatabaseSync } from 'node:sqlite';
import type { ExternalVersion } from '../model/position.ts';
import { offset } from '../model/position.ts';
import type { Expectation, ProofStore, Suspect, Verdict } from '../rebuild/verify-ports.ts';

export interface SqliteProofStoreOptions {
  /** Where its file is made; the system's folder for such, unless said. */
  readonly folder?: string | undefined;
  /** Of the pages that are held in memory. */
  readonly cacheBytes: number;
}

const tables = `
  CREATE TABLE documents (
    id TEXT PRIMARY KEY, version INTEGER NOT NULL, source INTEGER NOT NULL, place INTEGER NOT NULL,
    deleted INTEGER NOT NULL, routing TEXT, digest BLOB, omitted TEXT, seen INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
  CREATE TABLE texts (id TEXT PRIMARY KEY, version INTEGER NOT NULL, text BLOB);
  CREATE TABLE estates (id TEXT PRIMARY KEY, text BLOB);
  CREATE TABLE suspects (number INTEGER PRIMARY KEY, id TEXT NOT NULL, routing TEXT, seen INTEGER, absent INTEGER, verdict TEXT);
  CREATE INDEX open_suspects ON suspects (number) WHERE verdict IS NULL OR verdict IN ('pending', 'moving');`;

type Row = Readonly<Record<string, SQLOutputValue>>;

/** Versions pass 2^53; bound as big integers only where they must be. */
const bound = (version: ExternalVersion): number | bigint => (version.length < 16 ? Number(version) : BigInt(version));

const textIn = (value: SQLOutputValue | undefined): string | undefined =>
  typeof value === 'string' ? value : undefined;

const bytesIn = (value: SQLOutputValue | undefined): Buffer | null =>
  value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : null;

export function createSqliteProofStore({ folder, cacheBytes }: SqliteProofStoreOptions): ProofStore {
  const own = mkdtempSync(join(folder ?? tmpdir(), 'sluice-proof-'));
  const database = new DatabaseSync(join(own, 'proof.sqlite'));
  database.exec(`
    PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE;
    PRAGMA cache_size = -${Math.ceil(cacheBytes / 1024)}; PRAGMA temp_store = FILE; ${tables} BEGIN;`);
  const prepare = (sql: string): StatementSync => database.prepare(sql);

  const expect = prepare(`
    INSERT INTO documents (id, version, source, place, deleted, routing, digest, omitted) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET version = excluded.version, source = excluded.source, place = excluded.place,
      deleted = excluded.deleted, routing = excluded.routing, digest = excluded.digest, omitted = excluded.omitted
    WHERE excluded.version > version`);
  const truncate = prepare(`
    UPDATE documents SET version = ?1, source = ?2, place = ?3, deleted = 1, digest = NULL, omitted = NULL
    WHERE version < ?1 AND deleted = 0`);
  const find = prepare(`
    SELECT id, CAST(version AS TEXT) AS digits, source, place, deleted, routing, digest, omitted
    FROM documents WHERE id = ?`);
  const confirm = prepare(`
    UPDATE documents SET seen = 1
    WHERE id = ? AND version = ? AND digest = ? AND routing IS ? AND deleted = 0 AND omitted IS NULL`);
  const see = prepare('UPDATE documents SET seen = 1 WHERE id = ?');
  const count = prepare('SELECT count(*) AS n FROM documents WHERE deleted = 0');
  const keepText = prepare(`
    INSERT INTO texts (id, version, text) VALUES (?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET version = excluded.version, text = excluded.text WHERE excluded.version >= version`);
  const textOf = prepare('SELECT text FROM texts WHERE id = ?');
  const bequeath = prepare('INSERT OR REPLACE INTO estates (id, text) VALUES (?, ?)');
  const estateOf = prepare('SELECT text FROM estates WHERE id = ?');
  const suspect = prepare('INSERT INTO suspects (id, routing, seen) VALUES (?, ?, ?)');
  const suspectUnseen = prepare(
    'INSERT INTO suspects (id, routing) SELECT id, routing FROM documents WHERE seen = 0 AND deleted = 0',
  );
  const open = prepare(`
    SELECT number, id, routing, CAST(seen AS TEXT) AS seen, CAST(absent AS TEXT) AS absent FROM suspects
    WHERE (verdict IS NULL OR verdict IN ('pending', 'moving')) AND number > ? ORDER BY number LIMIT ?`);
  const acquit = prepare('DELETE FROM suspects WHERE number = ?');
  const judge = prepare('UPDATE suspects SET verdict = ?, seen = ?, absent = ? WHERE number = ?');
  const verdicts = prepare('SELECT verdict, count(*) AS n FROM suspects WHERE verdict IS NOT NULL GROUP BY verdict');
  const judged = prepare(`
    SELECT number, id, routing, CAST(seen AS TEXT) AS seen, CAST(absent AS TEXT) AS absent FROM suspects WHERE verdict = ? ORDER BY id LIMIT ?`);

  return {
    expect: ({ id, version, source, offset: place, isDeleted, routing, digest, omitted }) => {
      const deleted = isDeleted ? 1 : 0;
      expect.run(id, bound(version), source, place, deleted, routing ?? null, digest, omitted ?? null);
    },
    truncate: (version, source, place) => {
      truncate.run(bound(version), source, place);
    },
    expectationOf: (id) => expectationIn(find.get(id)),
    expectedDocuments: () => Number(count.get()?.['n'] ?? 0),
    confirm: ({ id, version, routing }, digest) =>
      Number(confirm.run(id, bound(version), digest, routing ?? null).changes) === 1,
    keepText: (id, version, text) => {
      keepText.run(id, bound(version), text ?? null);
    },
    textOf: (id) => bytesIn(textOf.get(id)?.['text']) ?? undefined,
    bequeath: (id, text) => {
      bequeath.run(id, text);
    },
    estateOf: (id) => bytesIn(estateOf.get(id)?.['text']) ?? undefined,
    suspect: (id, routing, seen) => {
      suspect.run(id, routing ?? null, seen === undefined ? null : bound(seen));
      see.run(id);
    },
    suspectUnconfirmed: () => {
      suspectUnseen.run();
    },
    openSuspects: (after, limit) => open.all(after, limit).map(suspectIn),
    acquit: (number) => {
      acquit.run(number);
    },
    judge: (number, verdict, { seen, absentUnder }) => {
      const [version, absent] = [seen, absentUnder].map((one) => (one === undefined ? null : bound(one)));
      judge.run(verdict, version ?? null, absent ?? null, number);
    },
    reopen: () => {
      database.exec("UPDATE suspects SET verdict = NULL, absent = NULL WHERE verdict <> 'unproven'");
    },
    verdicts: () =>
      Object.fromEntries(verdicts.all().map(({ verdict, n }) => [String(verdict) as Verdict, Number(n)] as const)),
    judged: (verdict, limit) => judged.all(verdict, limit).map(suspectIn),
    clear: () => {
      for (const table of ['documents', 'texts', 'estates', 'suspects']) database.exec(`DELETE FROM ${table}`);
    },
    close: () => {
      database.close();
      rmSync(own, { recursive: true, force: true });
    },
  };
}

function expectationIn(row: Row | undefined): Expectation | undefined {
  if (row === undefined) return undefined;
  return {
    id: String(row['id']),
    version: String(row['digits']) as ExternalVersion,
    source: Number(row['source']),
    offset: offset(Number(row['place'])),
    isDeleted: row['deleted'] === 1,
    routing: textIn(row['routing']),
    digest: bytesIn(row['digest']),
    omitted: textIn(row['omitted']),
  };
}

function suspectIn({ number, id, routing, seen, absent }: Row): Suspect {
  return {
    number: Number(number),
    id: String(id),
    routing: textIn(routing),
    seen: textIn(seen) as ExternalVersion | undefined,
    absentUnder: textIn(absent) as ExternalVersion | undefined,
  };
}
