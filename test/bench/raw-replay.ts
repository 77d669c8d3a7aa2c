/**
 * The yardstick: bulk bodies that were made beforehand, sent with four requests in flight, and nothing else.
 *
 * Run as a process of its own: `node raw-replay.ts <Elasticsearch URL> <folder of bodies>`; prints the seconds that it took.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';

const requestsInFlight = 4;

const [url = '', folder = ''] = process.argv.slice(2);
const bodies = readdirSync(folder)
  .sort((a, b) => Number(a) - Number(b))
  .map((file) => readFileSync(join(folder, file)));
const agent = new Agent({ keepAlive: true, maxSockets: requestsInFlight });

function send(body: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    const path = `${url}/_bulk?filter_path=errors,items.*.status`;
    const headers = { 'content-type': 'application/x-ndjson', 'content-length': body.length };
    const sent = request(path, { method: 'POST', agent, headers }, (response) => {
      response.resume().on('end', () => {
        resolve(response.statusCode ?? 0);
      });
    });
    sent.on('error', reject).end(body);
  });
}

const startedAtMs = performance.now();
let next = 0;
const lane = async (): Promise<void> => {
  for (let body = bodies[next]; body !== undefined; body = bodies[next]) {
    next += 1;
    const status = await send(body);
    if (status !== 200) throw new Error(`Elasticsearch answered ${status}.`);
  }
};
await Promise.all(Array.from({ length: requestsInFlight }, lane));
process.stdout.write(`${(performance.now() - startedAtMs) / 1000}\n`);
agent.destroy();
