/**
 * Whether the dead-letter topic takes what letters need.
 */
import type { Kafka } from 'kafkajs';
import { readMessageLimits } from '../kafka/message-limits.ts';
import type { Finding } from './check-topics.ts';

export interface DeadLettersChecked {
  readonly kafka: Kafka;
  readonly deadLetters: { readonly topic: string; readonly create: boolean };
  /** Topics that are there. */
  readonly existing: ReadonlySet<string>;
  /** Topics whose records may become letters. */
  readonly topics: readonly string[];
}

/** A letter is its record and its headers, so the topic must take what the others take. */
export async function checkDeadLetters(options: DeadLettersChecked): Promise<Finding> {
  const { kafka, deadLetters, existing } = options;
  const { topic } = deadLetters;
  if (!existing.has(topic)) {
    if (deadLetters.create)
      return { what: `dead-letter topic ${topic}: created when it is first needed`, failures: [] };
    const message = `The dead-letter topic ${topic} does not exist, and \`deadLetters.create\` is false.`;
    return { what: `dead-letter topic ${topic}`, failures: [{ code: 'DEAD_LETTERS_UNAVAILABLE', message }] };
  }
  const limits = await readMessageLimits(kafka, [topic, ...options.topics.filter((name) => existing.has(name))]).catch(
    () => undefined,
  );
  if (limits === undefined) {
    const what = `dead-letter topic ${topic}: its \`max.message.bytes\` may not be read (DescribeConfigs), so it was not compared`;
    return { what, failures: [] };
  }
  return judged(topic, limits);
}

function judged(topic: string, limits: ReadonlyMap<string, number>): Finding {
  const limit = limits.get(topic) ?? Number.NaN;
  const [largest, bytes] = [...limits].reduce((a, b) => (b[1] > a[1] ? b : a), [topic, limit]);
  const what = `dead-letter topic ${topic}: messages of at most ${limit} bytes`;
  if (bytes <= limit) return { what, failures: [] };
  const message = `${largest} takes records of ${bytes} bytes, and the dead-letter topic ${topic} only ${limit}: larger letters are kept without their value.`;
  return { what, failures: [{ code: 'DEAD_LETTERS_SMALL', message }] };
}
