/** What an index remembers of its beginning, and what follows from it for a group that has read on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DescribedIndex, GroupPlace, IndexOrigin } from '../../../src/model/index-origin.ts';
import { absenceOf, allTopics, beganNow, doubtsOf, nextOrigin } from '../../../src/model/index-origin.ts';

const document = { alias: 'docs', content: 'new', topics: ['t'] };
const place = (committed: number | undefined, start = 0, topic = 't'): GroupPlace => ({
  ...{ topic, partition: 0, committed, start },
});
const at = (...places: readonly GroupPlace[]) => ({ atStart: places, now: places });
const whole: IndexOrigin = { contents: ['new'], identity: 'one', began: { t: {} } };
const index = (origin: IndexOrigin | undefined, identity = 'one', topics = ['t']): DescribedIndex => ({
  ...{ index: 'docs-000001', identity, isOwn: true, origin, topics },
});
const codes = (found: DescribedIndex, places = at(place(100)), of = document) =>
  doubtsOf('group', of, found, places).map(({ code }) => code);

test('an index that one definition made from the first record on is not doubtful, wherever the group stands', () => {
  for (const committed of [undefined, 0, 100]) assert.deepEqual(codes(index(whole), at(place(committed))), []);
});

test('an index that begins after what the group had read lacks records, until the group is set back to its first', () => {
  const began = beganNow(['t'], [place(40)]);
  assert.deepEqual(began, { t: { 0: 40 } });
  const found = index({ ...whole, began });
  const [doubt] = doubtsOf('group', document, found, at(place(100)));
  assert.match(
    doubt?.message ?? '',
    /`docs-000001` lacks the records before offset 40 of `t\[0\]`.*`sluice rebuild docs`/,
  );
  // Set back to offset 10: only what is before it is missing still. Set back to the first offset: nothing is.
  assert.deepEqual(nextOrigin(document, found, at(place(10)), true).began, { t: { 0: 10 } });
  assert.deepEqual(codes(found, at(place(10))), ['INDEX_INCOMPLETE']);
  assert.deepEqual(nextOrigin(document, found, at(place(7, 7)), true).began, { t: {} });
  for (const places of [at(place(7, 7)), at(place(undefined))]) assert.deepEqual(codes(found, places), []);
});

test('a group that has read nothing that is there begins an index whole, though older records expired', () => {
  assert.deepEqual(beganNow(['t'], [place(undefined, 500)]), { t: {} });
  assert.deepEqual(beganNow(['t'], [place(500, 500)]), { t: {} });
});

test('a topic that the group had read before it became part of the document is missing in the index', () => {
  const two = { ...document, topics: ['t', 'u'] };
  const places = at(place(100), place(30, 0, 'u'));
  assert.deepEqual(codes(index(whole), places, two), ['INDEX_INCOMPLETE']);
  assert.deepEqual(nextOrigin(two, index(whole), places, true).began, { t: {}, u: { 0: 30 } });
  assert.deepEqual(codes(index(whole), at(place(100), place(undefined, 0, 'u')), two), []);
});

test('a definition that changes is written down with the first document that it makes, and going back to the old one is no remedy', () => {
  const old = index({ ...whole, contents: ['old'] });
  assert.deepEqual(codes(old), ['INDEX_OUTDATED']);
  assert.deepEqual(nextOrigin(document, old, at(place(100)), false).contents, ['old']);
  const both = nextOrigin(document, old, at(place(100)), true);
  assert.deepEqual(both.contents, ['old', 'new']);
  for (const content of ['old', 'new'])
    assert.deepEqual(codes(index(both), at(place(100)), { ...document, content }), ['INDEX_OUTDATED']);
});

test('more definitions than are told apart leave the first and the newest', () => {
  let origin = whole;
  for (let n = 0; n < 20; n += 1)
    origin = nextOrigin({ ...document, content: `c${n}` }, index(origin), at(place(1)), true);
  assert.equal(origin.contents.length, 8);
  assert.deepEqual([origin.contents[0], origin.contents.at(-1)], ['new', 'c19']);
});

test('an index that was restored stays doubtful, unless the group reads everything again', () => {
  const restored = index(whole, 'another');
  assert.deepEqual(codes(restored), ['INDEX_RESTORED']);
  assert.equal(nextOrigin(document, restored, at(place(100)), true).identity, 'one');
  assert.deepEqual(codes(restored, at(place(undefined))), []);
  assert.equal(nextOrigin(document, restored, at(place(undefined)), true).identity, 'another');
  // It was restored while this process ran, which had begun with nothing committed.
  const running = { atStart: [place(undefined)], now: [place(100)] };
  assert.deepEqual(codes(restored, running), ['INDEX_RESTORED']);
  assert.equal(nextOrigin(document, restored, running, true).identity, 'one');
});

test('an index of before this was remembered is taken for whole and remembers from now on, but for topics that are new to it', () => {
  const next = nextOrigin(document, index(undefined), at(place(100)), false);
  assert.deepEqual(next, { contents: ['new'], identity: 'one', began: { t: {} } });
  assert.deepEqual(codes(index(undefined)), []);
  assert.deepEqual(nextOrigin(document, index(undefined, 'one', []), at(place(100)), false), next);
  const two = { ...document, topics: ['t', 'u'] };
  const places = at(place(100), place(30, 0, 'u'));
  assert.deepEqual(codes(index(undefined), places, two), ['INDEX_INCOMPLETE']);
  assert.deepEqual(nextOrigin(two, index(undefined), places, false).began, { t: {}, u: { 0: 30 } });
});

test('who took an index over has vouched for all its topics', () => {
  const adopted = index({ ...whole, began: { [allTopics]: {} } }, 'one', []);
  assert.deepEqual(codes(adopted), []);
  assert.deepEqual(nextOrigin(document, adopted, at(place(100)), true).began, { t: {} });
});

test('an index that is not there though the group has read its topics is told with how far it read', () => {
  assert.match(
    absenceOf('group', 'docs', [place(400_000)])?.message ?? '',
    /no index `docs`, but the group `group` has read up to offset 400000 of `t\[0\]`.*Run `sluice rebuild docs`/,
  );
  for (const places of [[], [place(undefined)], [place(5, 5)]])
    assert.equal(absenceOf('group', 'docs', places), undefined);
});
