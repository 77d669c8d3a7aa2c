/**
 * The second yardstick: what the shortest program costs that reads the topic with kafkajs as it comes, parses each value, takes its
 * row and writes it with its offset as version. It converts no type, keeps no dead letter and survives nothing.
 *
 * Run as a process of its own: `node plain-loop.ts <Kafka> <Elasticsearch URL> <topic> <index> <records>`; prints
 * microseconds of processor time an event.
 */
import { Agent, request } from 'node:http';
import { Kafka, logLevel } from 'kafkajs';

const writesPerRequest = 1000;

const [broker = '', url = '', topic = '', index = '', expected = ''] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, maxSockets: 4 });

function send(lines: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const path = `${url}/${index}/_bulk?filter_path=errors,items.*.status`;
    const sent = request(path, { method: 'POST', agent, headers: { 'content-type': 'application/x-ndjson' } });
    sent.on('error', reject).on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const { errors } = JSON.parse(Buffer.concat(chunks).toString()) as { errors?: boolean };
        if (errors === false) resolve();
        else reject(new Error(`Elasticsearch answered ${response.statusCode}, or refused a write.`));
      });
    });
    sent.end(lines.join(''));
  });
}

interface Envelope {
  readonly payload?: Envelope;
  readonly after?: object | null;
}

/** A line or two of a bulk body. */
function writeOf(id: string, offset: string, text: string | undefined): string {
  const action = (name: string): string =>
    `{"${name}":{"_id":${JSON.stringify(id)},"version":${offset},"version_type":"external_gte"}}\n`;
  const value = text === undefined ? null : (JSON.parse(text) as Envelope | null);
  const event = value?.payload ?? value;
  // What has no `after` is the row itself.
  const row = event?.after === undefined ? event : event.after;
  return row === null ? action('delete') : `${action('index')}${JSON.stringify(row)}\n`;
}

const kafka = new Kafka({ clientId: 'plain-loop', brokers: [broker], logLevel: logLevel.NOTHING });
const consumer = kafka.consumer({ groupId: `plain-loop-${Date.now()}`, maxBytes: 4 * 1024 ** 2 });
await consumer.connect();
await consumer.subscribe({ topic, fromBeginning: true });
let records = 0;
let counted = 0;
let before: NodeJS.CpuUsage | undefined;
await new Promise<void>((resolve, reject) => {
  const running = consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch: { messages } }) => {
      // The last of each key is enough, and no two writes of one document are under way at once.
      const writes = new Map<string, string>();
      for (const { key, value, offset } of messages) {
        const id = key?.toString() ?? '';
        writes.set(id, writeOf(id, offset, value?.toString()));
      }
      const lines = [...writes.values()];
      const requests: Promise<void>[] = [];
      for (let at = 0; at < lines.length; at += writesPerRequest)
        requests.push(send(lines.slice(at, at + writesPerRequest)));
      // kafkajs would try the batch again, for ever.
      await Promise.all(requests).catch(reject);
      records += messages.length;
      // From the first answer on, so that the start of the process is not in the figure.
      if (before === undefined) before = process.cpuUsage();
      else counted += messages.length;
      if (records >= Number(expected)) resolve();
    },
  });
  running.catch(reject);
});
const { user, system } = process.cpuUsage(before);
process.stdout.write(`${(user + system) / counted}\n`);
agent.destroy();
await consumer.disconnect();
