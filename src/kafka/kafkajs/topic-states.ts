/**
 * What the brokers say of topics beyond what kafkajs asks: their ids. It speaks the request's versions up to 6; ids came with
 * version 10, and with it another encoding: lengths are unsigned varints plus one, and every structure ends with tagged fields.
 */
import type { TopicState } from '../../model/topic-origin.ts';
import type { Cluster } from './kafkajs-internals.ts';
import { createDecoder, createEncoder } from './kafkajs-internals.ts';

const metadataKey = 3;
const metadataVersion = 12;
const uuidBytes = 16;

/** Those of the topics that exist. Rejects when no broker answers. */
export async function readTopicStates(
  cluster: Cluster,
  topics: readonly string[],
): Promise<ReadonlyMap<string, TopicState>> {
  const broker = await cluster.brokerPool.findConnectedBroker();
  const { maxVersion = 0 } = broker.versions?.[metadataKey] ?? {};
  if (maxVersion < metadataVersion) return withoutIds(cluster, topics);
  return broker.connectionPool.send({
    request: {
      apiKey: metadataKey,
      apiVersion: metadataVersion,
      apiName: 'Metadata',
      expectResponse: () => true,
      encode: () => Promise.resolve(request(topics)),
    },
    response: { decode: (bytes) => Promise.resolve(answer(bytes)), parse: (states) => Promise.resolve(states) },
  });
}

async function withoutIds(cluster: Cluster, topics: readonly string[]): Promise<ReadonlyMap<string, TopicState>> {
  const { topicMetadata } = await cluster.metadata({ topics: [...topics] });
  return new Map(
    topicMetadata.map(({ topic, partitionMetadata }) => [topic, { partitions: partitionMetadata.length }]),
  );
}

const noTags = 0;

function request(topics: readonly string[]) {
  // The header of this encoding ends with tagged fields, which kafkajs's does not have.
  const encoder = createEncoder().writeInt8(noTags);
  encoder.writeUVarInt(topics.length + 1);
  for (const topic of topics) {
    encoder.writeBuffer(Buffer.alloc(uuidBytes)).writeUVarIntString(topic).writeInt8(noTags);
  }
  const [mayCreate, withOperations] = [0, 0];
  return encoder.writeInt8(mayCreate).writeInt8(withOperations).writeInt8(noTags);
}

function answer(bytes: Buffer): ReadonlyMap<string, TopicState> {
  const decoder = createDecoder(bytes);
  const list = <T>(read: () => T): T[] => Array.from({ length: Math.max(0, decoder.readUVarInt() - 1) }, read);
  decoder.readTaggedFields();
  decoder.readInt32(); // throttle time
  list(() => {
    decoder.readInt32(); // node
    decoder.readUVarIntString(); // host
    decoder.readInt32(); // port
    decoder.readUVarIntString(); // rack
    decoder.readTaggedFields();
  });
  decoder.readUVarIntString(); // cluster
  decoder.readInt32(); // controller
  const topics = list(() => {
    const error = decoder.readInt16();
    const name = decoder.readUVarIntString() ?? '';
    const id = decoder.readBytes(uuidBytes)?.toString('hex');
    decoder.readBoolean(); // internal
    const partitions = list(() => {
      decoder.readInt16(); // error
      decoder.readInt32(); // partition
      decoder.readInt32(); // leader
      decoder.readInt32(); // its epoch
      list(() => decoder.readInt32()); // replicas
      list(() => decoder.readInt32()); // those in sync
      list(() => decoder.readInt32()); // those that are offline
      decoder.readTaggedFields();
    }).length;
    decoder.readInt32(); // operations
    decoder.readTaggedFields();
    return { error, name, state: { id, partitions } };
  });
  return new Map(topics.filter(({ error }) => error === 0).map(({ name, state }) => [name, state]));
}
