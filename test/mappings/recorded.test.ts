/**
 * Records as real connectors wrote them (`test/fixtures/recorded`), and what must become of each: the documents that say what
 * the SQL said, column by column. `test/fixtures/record.ts` records them again.
 */
import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'lossless-json';
import type { SourceRecord } from '../../src/model/record.ts';
import { type Table, rowsOf, streamedFrom } from '../fixtures/columns.ts';
import { type Difference, type Fields, differences, fieldsOf } from '../fixtures/differences.ts';
import { type Expected, expectedStories, otherTopics } from '../fixtures/expectations.ts';
import { mariadbTables } from '../fixtures/mariadb-columns.ts';
import { type Outcome, outcomesOf } from '../fixtures/outcomes.ts';
import { postgresTables } from '../fixtures/postgres-columns.ts';
import { rowDocument } from '../fixtures/row-document.ts';
import { type Recording, loadRecording, recordingPath } from '../fixtures/recordings.ts';
import { type Setting, settings } from '../fixtures/settings.ts';
import { notYet } from '../fixtures/not-yet.ts';

const tables = { postgres: postgresTables, mariadb: mariadbTables };
/** The entries of `notYet` that still say something. */
const stillMissing = new Set<string>();

/** The records of a table; there are some, or the recording is not what it claims to be. */
function recordsOf({ topics, setting }: Recording, table: string): readonly SourceRecord[] {
  const found = [...topics].filter(([topic]) => topic.endsWith(`.fixtures.${table}`)).flatMap(([, records]) => records);
  assert.notEqual(found.length, 0, `${setting.name} has no records of ${table}`);
  return found;
}

/** What differs and may not; differences of which `notYet` knows are remembered. */
function unexpected(setting: Setting, table: string, found: readonly Difference[]): readonly string[] {
  return found.flatMap(({ field, expected, actual }) => {
    const place = `${setting.database}/${table}.${field}`;
    const known = [place, `${place}@${setting.name}`].find((entry) => entry in notYet);
    if (known !== undefined) stillMissing.add(known);
    return known === undefined ? [`${place}: expected ${expected}, found ${actual}`] : [];
  });
}

/** The row as it is on the wire, found by another parser: what a document must say where no schema says more. */
function wireRow({ value }: SourceRecord): Fields {
  const message = parse(value?.toString() ?? 'null') as {
    after?: Fields;
    data?: { after?: Fields };
    payload?: Fields;
  } & Fields;
  return message.after ?? message.data?.after ?? message;
}

function indexed(outcome: Outcome | undefined): Extract<Outcome, { action: 'index' }> {
  assert.equal(outcome?.action, 'index', JSON.stringify(outcome));
  return outcome;
}

function checkTable(recording: Recording, table: Table): void {
  const { setting, readFrame, typed } = recording;
  const records = recordsOf(recording, table.name);
  const outcomes = outcomesOf(records, readFrame).map(indexed);
  const ids = rowsOf(table).flatMap((row) => [row, row + streamedFrom]);
  assert.deepEqual(
    outcomes.map(({ id }) => Number(id)).sort((a, b) => a - b),
    ids.sort((a, b) => a - b),
  );
  const wrong = outcomes.flatMap(({ id, source }, at) => {
    const record = records[at];
    assert.ok(record);
    const expected = typed ? rowDocument(table, Number(id), setting.mode) : wireRow(record);
    return unexpected(setting, table.name, differences(expected, fieldsOf(source))).map((line) => `row ${id}: ${line}`);
  });
  assert.deepEqual(wrong, []);
}

/** Where records carry no schema, a mapping file says what columns are, and the documents are those of typed records. */
function checkHints(recording: Recording, table: Table): void {
  const hinted = table.columns.filter(({ as }) => as !== undefined);
  const fields = Object.fromEntries(hinted.map(({ name, as }) => [name, { as }]));
  const records = recordsOf(recording, table.name);
  const wrong = outcomesOf(records, recording.readFrame, { fields }).flatMap((outcome) => {
    const { id, source } = indexed(outcome);
    const names = new Set(hinted.map(({ name }) => name));
    const found = differences(rowDocument(table, Number(id), recording.setting.mode), fieldsOf(source));
    return found.filter(({ field }) => names.has(field)).map((one) => `row ${id}: ${JSON.stringify(one)}`);
  });
  assert.deepEqual(wrong, []);
}

/** A delete event and its tombstone are one delete. */
function withoutRepeats(outcomes: readonly Outcome[]): readonly Outcome[] {
  return outcomes.filter((outcome, at) => {
    const before = outcomes[at - 1];
    return outcome.action !== 'delete' || before?.action !== 'delete' || before.id !== outcome.id;
  });
}

const inShort = (outcome: Outcome | Expected): string =>
  outcome.action === 'none' ? outcome.why : `${outcome.action} ${outcome.id}`;

function checkStory(recording: Recording, story: string): void {
  const { setting, readFrame, typed } = recording;
  const { mode, config } = setting;
  const truncates = config['skipped.operations'] === 'none' && !('transforms' in config);
  const expected = expectedStories[story]?.({ mode, typed, truncates }) ?? [];
  const records = recordsOf(recording, story);
  const outcomes = outcomesOf(records, readFrame);
  const kept = withoutRepeats(outcomes);
  assert.deepEqual(kept.map(inShort), expected.map(inShort));
  const wrong = kept.flatMap((outcome, at) => {
    const one = expected[at];
    const record = records[outcomes.indexOf(outcome)];
    if (outcome.action !== 'index' || one?.action !== 'index' || record === undefined) return [];
    const document = fieldsOf(one.document);
    // Without schemas the values are those of the wire, but the fields are the same.
    const wire = typed ? document : wireRow(record);
    const wanted = Object.fromEntries(Object.keys(document).map((name) => [name, wire[name]]));
    return unexpected(setting, story, differences(wanted, fieldsOf(outcome.source)));
  });
  assert.deepEqual(wrong, []);
}

function checkOtherTopics({ topics, readFrame, setting }: Recording): void {
  const others = [...topics].filter(([topic]) => !topic.includes('.fixtures.'));
  assert.ok(others.length >= 3, `${setting.name} has no other topics`);
  for (const [topic, records] of others) {
    const why = otherTopics.find((other) => other.topic.test(topic))?.why ?? `${topic} is none of those known`;
    for (const outcome of outcomesOf(records, readFrame)) assert.deepEqual(outcome, { action: 'none', why }, topic);
  }
}

for (const setting of settings) {
  const { database, name, stories, otherTopics: others = false } = setting;
  if (stories.includes('outboxevent')) continue;
  const recording = await loadRecording(setting);
  const said = `${database}, ${name}`;
  for (const table of tables[database].filter((one) => setting.tables.includes(one.name))) {
    test(`${said}: every row of "${table.name}" is a document that says what the SQL said`, () => {
      checkTable(recording, table);
    });
    if (recording.typed || !table.columns.some(({ as }) => as !== undefined)) continue;
    test(`${said}: a mapping file makes of "${table.name}" what a schema would`, () => {
      checkHints(recording, table);
    });
  }
  for (const story of stories) {
    test(`${said}: the history of "${story}" is written as it was`, () => {
      checkStory(recording, story);
    });
  }
  if (!others) continue;
  test(`${said}: records that are no rows are ignored, each for its reason`, () => {
    checkOtherTopics(recording);
  });
}

test('every recording is of a setting that is told here', () => {
  const files = globSync('*/*.json', { cwd: join(import.meta.dirname, '..', 'fixtures', 'recorded') });
  const told = settings.map((setting) => recordingPath(setting));
  assert.deepEqual(files.sort(), told.sort());
});

test('what is said to be missing is missing', () => {
  const done = Object.keys(notYet).filter((entry) => !stillMissing.has(entry));
  assert.deepEqual(done, [], 'these are right now: take them off the list in test/fixtures/not-yet.ts');
});
