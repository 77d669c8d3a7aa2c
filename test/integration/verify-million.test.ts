/**
 * The claim of `verify` and `repair` at the size at which people ask: five faults of each kind among 1,000,000 documents
 * by `npm run test:nightly`, and among a tenth of them by default (SLUICE_TEST_PROOF_DOCUMENTS).
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Message } from 'kafkajs';
import type { ProofReport } from '../../src/cli/proof.ts';
import { startStack } from '../stack/stack.ts';
import type { PeopleRecords, Person } from './people.ts';
import { recordedPeople, sendMessages } from './people.ts';
import { untilTrue } from './poll.ts';
import type { Rows } from './rows.ts';
import { openRows } from './rows.ts';

const stack = await startStack({ servers: ['kafka', 'elasticsearch'] });
test.after(() => stack.stop());

const documents = Number(process.env['SLUICE_TEST_PROOF_DOCUMENTS'] ?? 100_000);
/** Rows beyond the documents, which are deleted again. */
const deleted = documents / 100;
/** Each of so many rows is updated once. */
const updatedEach = 50;
const memoryLimitMiB = 512;
const faultsOfAKind = 5;

const seed = Number(process.env['SLUICE_TEST_SEED'] ?? Date.now() % 1_000_000_000);

const person = (id: number, turn: number): Person => ({
  id,
  email: `person.${id}@example.org`,
  note: turn === 0 && id % 3 === 0 ? null : `note ${id % 97} of turn ${turn}`,
});

/** The row as it is at last. */
const rowOf = (id: number): Person => person(id, id % updatedEach === 0 ? 1 : 0);

function* history({ create, update, remove }: PeopleRecords): Generator<Message> {
  for (let id = 1; id <= documents + deleted; id += 1) yield create(person(id, 0));
  for (let id = updatedEach; id <= documents; id += updatedEach) yield update(person(id, 1));
  for (let id = documents + 1; id <= documents + deleted; id += 1) yield* remove(id);
}

/** Whole numbers below `limit`, in an order that the seed makes (xorshift). */
function* places(limit: number): Generator<number, never> {
  let state = (seed % 0x7fffffff) + 1;
  for (;;) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    yield (state >>> 0) % limit;
  }
}

interface Planted {
  readonly missing: readonly number[];
  readonly differing: readonly number[];
  readonly stale: readonly number[];
  readonly misrouted: readonly number[];
  readonly surplus: readonly string[];
}

function choose(): Planted {
  const taken = new Set<number>();
  const source = places(documents);
  const pick = (fits: (id: number) => boolean): number[] => {
    const ids: number[] = [];
    while (ids.length < faultsOfAKind) {
      const id = source.next().value + 1;
      if (taken.has(id) || !fits(id)) continue;
      taken.add(id);
      ids.push(id);
    }
    return ids;
  };
  const any = (): boolean => true;
  return {
    missing: pick(any),
    differing: pick(any),
    stale: pick((id) => id % updatedEach === 0),
    misrouted: pick(any),
    // Of no row, and of rows that were deleted.
    surplus: pick(any).map((id, n) => (n < 2 ? String(documents + 1 + (id % deleted)) : `none-${id}`)),
  };
}

/** Puts the faults into the index, beside the service and unknown to it. */
async function plant({ index, elasticsearch }: Rows, planted: Planted): Promise<void> {
  const es = async (method: string, path: string, body?: object): Promise<unknown> => {
    const response = await elasticsearch(method, path, body);
    assert.ok(response.ok, `${method} ${path}: ${response.status} ${await response.clone().text()}`);
    return response.json();
  };
  const atItsVersion = async (id: number): Promise<string> => {
    const { _version: version } = (await es('GET', `${index}/_doc/${id}`)) as { _version: number };
    return `_doc/${id}?version_type=external_gte&version=${version}`;
  };
  for (const [n, id] of planted.missing.entries()) {
    // By hand, which makes a version of its own, and under the version that it had.
    await es('DELETE', `${index}/${n % 2 === 0 ? `_doc/${id}` : await atItsVersion(id)}`);
  }
  for (const [n, id] of planted.differing.entries()) {
    const changed = { ...rowOf(id), email: `person.${id}@example.com` };
    await es('PUT', `${index}/${n % 2 === 0 ? `_doc/${id}` : await atItsVersion(id)}`, changed);
  }
  for (const id of planted.surplus) await es('PUT', `${index}/_doc/${id}`, person(0, 0));
  for (const id of planted.misrouted) await es('PUT', `${index}/_doc/${id}?routing=elsewhere-${id}`, rowOf(id));
  // What each was before its update, once the index has forgotten the delete.
  await es('PUT', `${index}/_settings`, { index: { gc_deletes: '0s' } });
  for (const id of planted.stale) {
    await es('DELETE', `${index}/${await atItsVersion(id)}`);
    await untilTrue('the delete is forgotten', async () => {
      await es('POST', `${index}/_refresh`);
      return (await elasticsearch('PUT', `${index}/_doc/${id}?version_type=external&version=1`, person(id, 0))).ok;
    });
  }
  await es('PUT', `${index}/_settings`, { index: { gc_deletes: '1h' } });
}

test(`verify finds each planted fault among ${documents} documents and nothing else, and repair mends exactly those, in bounded memory (seed ${seed})`, async (t) => {
  const mapping = 'index: { settings: { number_of_shards: 2 } }\n';
  await using rows = await openRows({ ...stack.addresses, name: 'verify-million', partitions: 4, mapping });
  await using service = await rows.startService();
  const { index } = rows;
  const prove = async (command: string, ...args: readonly string[]): Promise<ProofReport & { code: number }> => {
    const { code, stdout, stderr } = await rows.run(command, index, ...args, '--json');
    assert.notEqual(stdout, '', stderr);
    const report = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as ProofReport;
    const { seconds, peakMemoryMiB } = report;
    t.diagnostic(
      `${command}: ${report.documents} documents, ${report.records} records: ${seconds} s, at most ${peakMemoryMiB} MiB`,
    );
    assert.ok(peakMemoryMiB < memoryLimitMiB, `${peakMemoryMiB} MiB`);
    return { ...report, code };
  };

  const startedAtMs = performance.now();
  await sendMessages(stack.addresses.kafka, rows.topic, history(await recordedPeople()));
  await rows.caughtUp();
  t.diagnostic(`loaded in ${Math.round((performance.now() - startedAtMs) / 1000)} s`);

  const planted = choose();
  await plant(rows, planted);
  const found = await prove('verify', '--examples', '100');
  const sorted = (ids: readonly (number | string)[]): readonly string[] => ids.map(String).sort();
  assert.deepEqual(found.examples, {
    differing: sorted(planted.differing),
    misrouted: sorted(planted.misrouted),
    missing: sorted(planted.missing),
    stale: sorted(planted.stale),
    surplus: sorted(planted.surplus),
  });
  assert.deepEqual([found.code, found.expected], [1, documents]);

  const repaired = await prove('repair', '--yes');
  assert.deepEqual([repaired.code, repaired.counts], [0, {}]);
  const after = await prove('verify');
  assert.deepEqual([after.code, after.counts, after.documents, after.expected], [0, {}, documents, documents]);
  assert.deepEqual(await service.stop(), { code: 0, signal: null });
});
