/** What members of a group tell each other of their definitions, and who is given which partitions. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import kafkajs from 'kafkajs';
import type { Cluster } from 'kafkajs';
import { definitionsDigest, watchDefinitions } from '../../../src/compose-group.ts';
import { configSchema } from '../../../src/config/schema.ts';
import { assignmentOf, createGroupAssigner, profileIn } from '../../../src/kafka/group-assigner.ts';
import { documentDefinitionSchema } from '../../../src/mapping/definition.ts';
import type { GroupInstance } from '../../../src/model/group-definitions.ts';
import { definitionsFailure } from '../../../src/model/group-definitions.ts';
import { createRoutes } from '../../../src/documents/routes.ts';
import { createManualClock } from '../../fakes/manual-clock.ts';

const { MemberMetadata, MemberAssignment } = kafkajs.AssignerProtocol;

/** A cluster of three partitions a topic. */
const config = {
  cluster: {
    findTopicPartitionMetadata: () => [0, 1, 2].map((partitionId) => ({ partitionId })),
  } as unknown as Cluster,
  groupId: 'g',
  logger: undefined as never,
};

const earlier = (topics: string[]): Buffer => {
  const { metadata } = kafkajs.PartitionAssigners.roundRobin(config).protocol({ topics });
  return metadata;
};

test('a member tells its definitions in metadata that members of an earlier version read as before', () => {
  const profile = { instance: 'host/7', definitions: 'abc' };
  const { name, metadata } = createGroupAssigner(profile, config).protocol({ topics: ['a', 'b'] });
  const before = kafkajs.PartitionAssigners.roundRobin(config).protocol({ topics: ['a', 'b'] });
  assert.equal(name, before.name);
  assert.deepEqual(MemberMetadata.decode(metadata)?.topics, ['a', 'b']);
  assert.deepEqual(profileIn(metadata), profile);
  assert.equal(profileIn(before.metadata), undefined);
  for (const odd of ['', '{', 'null', '{"definitions":1,"instance":"x"}']) {
    const userData = Buffer.from(odd);
    assert.equal(profileIn(MemberMetadata.encode({ version: 0, topics: [], userData })), undefined, odd);
  }
  assert.equal(profileIn(Buffer.alloc(0)), undefined);
  assert.equal(profileIn(Buffer.from([1])), undefined);
});

test('members that read the same topics are given what kafkajs gives them', async () => {
  const members = ['m2', 'm1', 'm3'].map((memberId) => ({ memberId, memberMetadata: earlier(['a', 'b']) }));
  const group = { members, topics: ['a', 'b'] };
  const ours = await createGroupAssigner(undefined, config).assign(group);
  const theirs = await kafkajs.PartitionAssigners.roundRobin(config).assign(group);
  const read = (assigned: typeof ours): unknown =>
    assigned
      .map(({ memberId, memberAssignment }) => [memberId, MemberAssignment.decode(memberAssignment)?.assignment])
      .toSorted();
  assert.deepEqual(read(ours), read(theirs));
});

test('a partition is given only to members that read its topic, and to anybody whose topics cannot be told', () => {
  const partitions = [0, 1].flatMap((partition) => [
    { topic: 'new', partition },
    { topic: 'old', partition },
  ]);
  const assigned = assignmentOf(
    [
      { memberId: 'a', topics: new Set(['old']) },
      { memberId: 'b', topics: new Set(['old', 'new']) },
    ],
    partitions,
  );
  assert.equal(assigned.get('a')?.['new'], undefined);
  assert.deepEqual(assigned.get('b')?.['new'], [0, 1]);
  const all = [...assigned.values()].flatMap((topics) => Object.values(topics).flat());
  assert.equal(all.length, 4, 'every partition is given to somebody');
  const unknown = assignmentOf([{ memberId: 'a', topics: undefined }], partitions);
  assert.deepEqual(unknown.get('a'), { old: [0, 1], new: [0, 1] });
});

const one: GroupInstance = { instance: 'h/1', definitions: 'aaaaaaaaaa' };
const other: GroupInstance = { instance: 'h/2', definitions: 'bbbbbbbbbb' };

test('both sides are told of the other, an earlier version is not blamed, and equals are silent', () => {
  const silent = { instance: 'm-3', definitions: undefined };
  assert.equal(definitionsFailure('g', 'aaaaaaaaaa', [one, one, silent]), undefined);
  const told = (own: string): string => definitionsFailure('g', own, [one, other, silent])?.message ?? '';
  assert.match(told('aaaaaaaaaa'), /h\/2 \(bbbbbbbb\) runs with other definitions .* than this instance \(aaaaaaaa\)/);
  assert.match(told('bbbbbbbbbb'), /h\/1 \(aaaaaaaa\) runs with other definitions .* than this instance \(bbbbbbbb\)/);
});

test('a rolling change is told when it begins and when it is over, and not in between', async () => {
  const clock = createManualClock();
  const over = new AbortController();
  const told: string[] = [];
  let answer: readonly GroupInstance[] | undefined = [one];
  const observer = {
    warned: ({ code }: { readonly code: string }) => told.push(code),
    recovered: (code: string) => told.push(`${code} is over`),
  };
  const read = () => (answer === undefined ? Promise.reject(new Error('away')) : Promise.resolve(answer));
  const watching = watchDefinitions(
    { ...{ groupId: 'g', own: 'aaaaaaaaaa', read, everyMs: 1000, clock, observer }, seen: () => undefined },
    over.signal,
  );
  for (const next of [[one], [one, other], [one, other], undefined, [one, one]]) {
    answer = next;
    clock.advance(1000);
    await new Promise(setImmediate);
  }
  over.abort();
  await watching;
  assert.deepEqual(told, ['DEFINITIONS_DIFFER', 'DEFINITIONS_DIFFER is over']);
});

test('the digest differs for whatever makes other documents, and not for the order of files or topics', () => {
  const settings = configSchema.parse({ kafka: { brokers: ['a:1'] }, elasticsearch: { nodes: ['http://a'] } });
  const digest = (...files: readonly object[]): string => {
    const documents = files.map((file) => ({
      file: 'x.yaml',
      definition: documentDefinitionSchema.parse(file),
      positionOf: () => ({ line: 1, column: 1 }),
    }));
    return definitionsDigest(createRoutes(documents, settings, new Set(['a', 'b', 'c'])), settings);
  };
  const [a, b] = [
    { document: 'a', from: 'a' },
    { document: 'b', from: 'b' },
  ];
  assert.equal(digest(a, b), digest(b, a));
  const others = [
    digest(a),
    digest(a, { ...b, from: 'c' }),
    digest(a, { ...b, fields: { x: { exclude: true } } }),
    digest(a, { ...b, where: { x: 1 } }),
    digest(a, { ...b, id: { topic: true } }),
    digest(a, { ...b, index: { settings: { number_of_shards: 2 } } }),
  ];
  assert.equal(new Set([digest(a, b), ...others]).size, 7);
});
