/** Events of a real outbox as the router wrote them (`test/fixtures/recorded`), and the documents that they must become. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { differences, fieldsOf } from '../fixtures/differences.ts';
import { type Outcome, outcomesOf } from '../fixtures/outcomes.ts';
import { loadRecording } from '../fixtures/recordings.ts';
import { settings } from '../fixtures/settings.ts';

const eventId = (number: number): string => `00000000-0000-4000-8000-00000000000${number}`;

/** The payload that the application wrote; `note` is null, and where the router makes a struct of the JSON, it loses it. */
const created = '"id":1001,"lines":[{"item":"Debezium in Action","price":39.98}],"total":9007199254740993';
const shipped = '"id":1001,"shipped":true';
const index = (id: string, source: string): Outcome => ({ action: 'index', id, source });

interface Case {
  readonly setting: string;
  readonly claim: string;
  readonly mapping: Readonly<Record<string, unknown>>;
  readonly expected: readonly Outcome[];
}

const cases: readonly Case[] = [
  {
    setting: 'outbox',
    claim: 'each event is a document, its payload the JSON in the string',
    mapping: {},
    expected: [
      index(eventId(1), `{${created},"note":null}`),
      index(eventId(2), `{${shipped}}`),
      index(eventId(3), '{"payload":null}'),
    ],
  },
  {
    setting: 'outbox-expanded',
    claim: 'each event is a document, its payload the JSON itself',
    mapping: {},
    expected: [
      index(eventId(1), `{${created}}`),
      index(eventId(2), `{${shipped}}`),
      index(eventId(3), '{"payload":null}'),
    ],
  },
  {
    setting: 'outbox-envelope',
    claim: 'what is placed beside the payload, and in headers, is in the document too',
    mapping: { outbox: { headers: { aggregate: 'aggregate' } } },
    expected: [
      index(eventId(1), `{"aggregate":"order","eventType":"OrderCreated",${created},"note":null}`),
      index(eventId(2), `{"aggregate":"order","eventType":"OrderShipped",${shipped}}`),
      index(eventId(3), '{"aggregate":"order","eventType":"OrderGone","payload":null}'),
    ],
  },
  {
    setting: 'outbox-tombstone',
    claim: 'a document an aggregate: its last event, and nothing once a tombstone has come',
    mapping: { outbox: { id: 'key' } },
    expected: [
      index('1001', `{${created},"note":null}`),
      index('1001', `{${shipped}}`),
      { action: 'delete', id: '1002' },
    ],
  },
];

for (const { setting, claim, mapping, expected } of cases) {
  test(`postgres, ${setting}: ${claim}`, async () => {
    const found = settings.find(({ name }) => name === setting);
    assert.ok(found);
    const { topics, readFrame } = await loadRecording(found);
    const records = [...topics.values()].flat();
    const outcomes = outcomesOf(records, readFrame, { form: 'outbox', ...mapping });
    assert.equal(outcomes.length, expected.length);
    for (const [at, outcome] of outcomes.entries()) {
      assert.deepEqual(differenceOf(expected[at], outcome), [], `event ${at + 1}`);
    }
  });
}

/** Documents by their fields, the rest as it is. */
function differenceOf(expected: Outcome | undefined, actual: Outcome): readonly unknown[] {
  if (expected?.action === 'index' && actual.action === 'index' && expected.id === actual.id) {
    return differences(fieldsOf(expected.source), fieldsOf(actual.source));
  }
  return JSON.stringify(expected) === JSON.stringify(actual) ? [] : [{ expected, actual }];
}
