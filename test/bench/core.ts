/** The middle alone: decode → map → encode, on records held in memory. Microseconds of one core per event. */
import { Kafka, logLevel } from 'kafkajs';
import { bulkBody } from '../../src/elasticsearch/bulk/bulk-body.ts';
import { createDecoder } from '../../src/envelope/decoder.ts';
import { compileDocument } from '../../src/mapping/compile.ts';
import type { CompiledDocument } from '../../src/mapping/compile.ts';
import type { DocumentDefinition } from '../../src/mapping/definition.ts';
import type { DocumentWrite } from '../../src/model/document.ts';
import type { ReadFrame } from '../../src/model/frame.ts';
import { isFrame } from '../../src/model/frame.ts';
import { offset } from '../../src/model/position.ts';
import type { SourceRecord } from '../../src/model/record.ts';
import { untilTrue } from '../integration/poll.ts';

/** Reads the first records of a topic, or all if it has fewer. */
export async function readRecords(broker: string, topic: string, count: number): Promise<readonly SourceRecord[]> {
  const kafka = new Kafka({ clientId: 'bench', brokers: [broker], logLevel: logLevel.NOTHING });
  const consumer = kafka.consumer({ groupId: `${topic}-core-${count}` });
  const records: SourceRecord[] = [];
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    eachMessage: ({ partition, message: { key, value, headers, timestamp, ...message } }) => {
      const place = { topic, partition, offset: offset(message.offset), timestampMs: Number(timestamp) };
      if (records.length < count) records.push({ ...place, key, value, headers });
      return Promise.resolve();
    },
  });
  await untilTrue('the records are read', () => Promise.resolve(records.length === count));
  await consumer.disconnect();
  return records;
}

/** Turns records into writes; throws if one cannot be. `compiled` learns their schemas. */
export function toWrites(
  records: readonly SourceRecord[],
  compiled: CompiledDocument,
  readFrame?: ReadFrame,
): DocumentWrite[] {
  const decode = createDecoder(compiled.form, readFrame && { readFrame });
  const map = compiled.createMapper();
  return records.map((record) => {
    const event = decode(record);
    if (event.op === 'ignored' || event.op === 'unreadable' || event.op === 'truncate') {
      throw new Error(`A record of the benchmark is ${event.op}.`);
    }
    const mapped = map(event);
    if (mapped.kind !== 'write') throw new Error(`A record of the benchmark is ${mapped.kind}.`);
    return mapped.write;
  });
}

/** Bulk bodies of `batchCount` writes each. */
export function toBodies(writes: readonly DocumentWrite[], batchCount: number): Buffer[] {
  const bodies: Buffer[] = [];
  for (let at = 0; at < writes.length; at += batchCount) bodies.push(bulkBody(writes.slice(at, at + batchCount)));
  return bodies;
}

export interface CoreResult {
  /** Median of the rounds after the first, which warms up. */
  readonly cpuMicrosPerEvent: number;
  readonly bytesPerEvent: number;
  /** What `JSON.parse` and `JSON.stringify` of the value alone take here: the measure by which machines are compared. */
  readonly roundTripMicros: number;
}

export function measureCore(
  records: readonly SourceRecord[],
  definition: DocumentDefinition,
  rounds: number,
  readFrame?: ReadFrame,
): CoreResult {
  const costs: number[] = [];
  let sent = 0;
  for (let round = 0; round <= rounds; round += 1) {
    const before = process.cpuUsage();
    for (const body of toBodies(toWrites(records, compileDocument(definition), readFrame), 1000)) sent += body.length;
    const { user, system } = process.cpuUsage(before);
    if (round > 0) costs.push((user + system) / records.length);
  }
  if (sent === 0) throw new Error('Nothing was encoded.');
  const texts = records.map(({ value }) => textOf(value, readFrame));
  const roundTrips: number[] = [];
  for (let round = 0; round <= 3; round += 1) {
    const before = process.cpuUsage();
    for (const text of texts) sent += JSON.stringify(JSON.parse(text)).length;
    const { user, system } = process.cpuUsage(before);
    if (round > 0) roundTrips.push((user + system) / records.length);
  }
  const bytes = records.reduce((sum, { value }) => sum + (value?.length ?? 0), 0);
  return {
    cpuMicrosPerEvent: median(costs),
    bytesPerEvent: bytes / records.length,
    roundTripMicros: median(roundTrips),
  };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** The JSON of a value, or the JSON that a frame holds. */
function textOf(value: Buffer | null, readFrame: ReadFrame | undefined): string {
  const framed = value !== null && readFrame !== undefined && isFrame(value) ? readFrame(value) : undefined;
  return framed !== undefined && 'text' in framed ? framed.text : String(value);
}
