/** `node test/stack/serve.ts kafka elasticsearch`: runs servers until Ctrl-C and prints where they are. */
import { allServerNames, serverNames, stackEnvironment, startStack } from './stack.ts';

const names = process.argv.slice(2);
const wanted = names.length === 0 ? serverNames : allServerNames.filter((name) => names.includes(name));
const unknown = names.filter((name) => !allServerNames.some((known) => known === name));
if (unknown.length > 0) {
  process.stderr.write(`There is no server "${unknown.join(', ')}"; there are ${allServerNames.join(', ')}.\n`);
  process.exit(2);
}

const stack = await startStack({
  servers: wanted,
  progress: (_server, line) => process.stderr.write(`${line}\n`),
});
for (const [name, value] of Object.entries(stackEnvironment(stack.addresses))) {
  process.stdout.write(`export ${name}=${value}
`);
}
for (const server of stack.started) process.stderr.write(`${server.name}: ${server.logFile}\n`);

let stopping = false;
const end = async (): Promise<void> => {
  if (stopping) process.exit(1);
  stopping = true;
  process.stderr.write('stopping\n');
  await stack.stop();
  process.exit(0);
};
process.on('SIGINT', () => void end());
process.on('SIGTERM', () => void end());
setInterval(() => undefined, 60_000);
