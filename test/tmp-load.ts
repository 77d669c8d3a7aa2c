import { startStack } from '/work/wt/verify/test/stack/stack.ts';
import { openRows } from '/work/wt/verify/test/integration/rows.ts';
const N = Number(process.env.N ?? 100000);
const stack = await startStack({ servers: ['kafka', 'elasticsearch'] });
const rows = await openRows({ ...stack.addresses, name: 'prof', partitions: 2 });
const service = await rows.startService();
const row = (id, turn = 0) => ({ name: `row ${id} of turn ${turn}`, big: 9007199254740993, amount: '12.50', ratio: id / 8, tags: ['a', String(id % 7)], inner: { b: id % 2 === 0, a: null } });
for (let from = 1; from <= N; from += 50000) await rows.send(Array.from({length: Math.min(50000, N-from+1)}, (_, n) => ({ id: from+n, after: row(from+n) })));
const t0 = Date.now(); await rows.caughtUp(); console.log('loaded', Date.now()-t0);
for (const args of (process.env.RUNS ?? 'verify').split(';')) {
const t = Date.now();
const { execFileSync } = await import('node:child_process');
const out = execFileSync(process.execPath, [...(process.env.NODEARGS?.split(' ') ?? []), '/work/wt/verify/src/main.ts', 'verify', 'prof', '--json', ...(process.env.ARGS?.split(' ')??[])], { cwd: rows.folder, env: { PATH: process.env.PATH, SLUICE_KAFKA_BROKERS: stack.addresses.kafka, SLUICE_KAFKA_GROUP_ID: 'prof', SLUICE_ELASTICSEARCH_NODES: stack.addresses.elasticsearch, SLUICE_DOCUMENTS: rows.folder }, encoding: 'utf8' });
console.log(Date.now()-t, out);
}
await service.stop(); await rows[Symbol.asyncDispose](); await stack.stop();
