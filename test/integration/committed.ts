import { Kafka, logLevel } from 'kafkajs';

/** Whether a group has committed every topic whose name begins so to its end; not while there is none. */
export async function isCommitted(kafka: string, groupId: string, topicsBeginWith: string): Promise<boolean> {
  const admin = new Kafka({ brokers: [kafka], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(topicsBeginWith));
    const committed = await admin.fetchOffsets({ groupId, topics });
    for (const { topic, partitions } of committed) {
      for (const { partition, high } of await admin.fetchTopicOffsets(topic)) {
        const at = Number(partitions.find((one) => one.partition === partition)?.offset ?? -1);
        if (at < Number(high)) return false;
      }
    }
    return topics.length > 0;
  } finally {
    await admin.disconnect();
  }
}
