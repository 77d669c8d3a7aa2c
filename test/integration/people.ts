/** Changes of one table in any number: the bytes that a real connector wrote, with other rows in them. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { Message } from 'kafkajs';
import { CompressionTypes, Kafka, logLevel } from 'kafkajs';
import { registerCodecs } from '../../src/kafka/kafkajs/codecs.ts';
import { readRecordedFile } from '../fixtures/recorded-file.ts';

/** As its table has it. */
export interface Person {
  readonly id: number;
  readonly email: string;
  readonly note: string | null;
}

export interface PeopleRecords {
  create(person: Person): Message;
  update(person: Person): Message;
  /** The delete and its tombstone. */
  remove(id: number): readonly Message[];
}

const folder = join(import.meta.dirname, '..', 'fixtures', 'recorded', 'postgres-3.6.1.Final');

/** Records of `fixtures.people`, without schemas. */
export async function recordedPeople(): Promise<PeopleRecords> {
  const { records } = await readRecordedFile(join(folder, 'envelope-without-schemas.json'));
  const values = records.flatMap(({ topic, value }) =>
    topic.endsWith('.fixtures.people') && typeof value === 'string' ? [value] : [],
  );
  const around = (op: string, row: RegExp): readonly [string, string] => {
    const recorded = values.find((value) => value.includes(`"op":"${op}"`)) ?? '';
    const [before, after, ...more] = recorded.split(row);
    assert.ok(before !== undefined && after !== undefined && more.length === 0, `a record of "${op}"`);
    return [before, after];
  };
  const row = /(?<="after":)\{[^}]*\}/;
  const [created, updated, removed] = [around('c', row), around('u', row), around('d', /(?<="before":)\{[^}]*\}/)];
  const keyOf = (id: number): string => `{"id":${id}}`;
  const put = ([before, after]: readonly [string, string], person: Person): Message => ({
    key: keyOf(person.id),
    value: before + JSON.stringify(person) + after,
  });
  return {
    create: (person) => put(created, person),
    update: (person) => put(updated, person),
    remove: (id) => [put(removed, { id, email: '', note: null }), { key: keyOf(id), value: null }],
  };
}

/** Sends messages in their order; a few thousand at a time, so that any number of them needs little memory. */
export async function sendMessages(broker: string, topic: string, messages: Iterable<Message>): Promise<void> {
  registerCodecs();
  const kafka = new Kafka({ clientId: 'people', brokers: [broker], logLevel: logLevel.NOTHING });
  const producer = kafka.producer();
  await producer.connect();
  const send = async (part: Message[]): Promise<void> => {
    await producer.send({ topic, messages: part, acks: 1, compression: CompressionTypes.ZSTD });
  };
  try {
    let part: Message[] = [];
    for (const message of messages) {
      part.push(message);
      if (part.length < 5000) continue;
      await send(part);
      part = [];
    }
    await send(part);
  } finally {
    await producer.disconnect();
  }
}
