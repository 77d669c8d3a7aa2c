import type { Kafka, KafkaMessage } from 'kafkajs';
import { untilTrue } from './poll.ts';

/** Reads a topic from its beginning until it has `count` records. */
export async function readLetters(kafka: Kafka, topic: string, count: number): Promise<readonly KafkaMessage[]> {
  const messages: KafkaMessage[] = [];
  const consumer = kafka.consumer({ groupId: `${topic}-reader` });
  await consumer.connect();
  try {
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      eachMessage: ({ message }) => {
        messages.push(message);
        return Promise.resolve();
      },
    });
    await untilTrue(`${count} letters are in ${topic}`, () => Promise.resolve(messages.length >= count));
  } finally {
    await consumer.disconnect();
  }
  return messages;
}
