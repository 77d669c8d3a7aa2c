import { indexesOf, openElasticsearch, openKafka, openSchemaRegistry, originsOf } from '../compose.ts';
import { engineTitles } from '../elasticsearch/engine.ts';
import { checkElasticsearch } from '../elasticsearch/health.ts';
import { explain } from '../errors.ts';
import { kafkaFailure } from '../kafka/client.ts';
import { listTopics } from '../kafka/offsets.ts';
import type { Failure } from '../model/outcome.ts';
import { createRoutes } from '../routes.ts';
import { failWith } from './failures.ts';
import type { Files } from './files.ts';
import { readFiles } from './files.ts';
import type { CommonOptions, ExitCode, Surroundings } from './command.ts';

/** What was looked at, and what is wrong with it. */
interface Finding {
  readonly what: string;
  readonly failures: readonly Failure[];
}

/** `sluice check`: the files first, then the servers. Changes nothing. */
export async function checkCommand(options: CommonOptions, surroundings: Surroundings): Promise<ExitCode> {
  const files = await readFiles(options, surroundings);
  if (files === undefined) return 2;
  surroundings.print(`✔ configuration and ${files.documents.length} mapping files`);
  let wrong = false;
  try {
    for await (const { what, failures } of findings(files)) {
      wrong ||= failures.length > 0;
      surroundings.print(`${failures.length === 0 ? '✔' : '✖'} ${what}`);
      for (const failure of failures) surroundings.printError(`  ${explain(failure)}`);
    }
  } catch (error) {
    return failWith(error, surroundings);
  }
  return wrong ? 2 : 0;
}

async function* findings({ config, documents }: Files): AsyncGenerator<Finding> {
  const kafka = await openKafka(config, () => undefined);
  const existing = await listTopics(kafka).catch((error: unknown) => kafkaFailure(error));
  if ('code' in existing) {
    yield { what: `Kafka at ${config.kafka.brokers.join(', ')}`, failures: [existing] };
  } else {
    yield { what: `Kafka at ${config.kafka.brokers.join(', ')}, ${existing.size} topics`, failures: [] };
    const routes = createRoutes(documents, config, existing);
    yield { what: `topics to read: ${routes.topics.join(', ') || 'none'}`, failures: routes.missing };
  }
  const registry = await openSchemaRegistry(config);
  if (registry !== undefined) {
    const failure = await registry.check(new AbortController().signal);
    const what = `schema registry at ${config.schemaRegistry?.urls.join(', ') ?? ''}`;
    yield { what, failures: failure === undefined ? [] : [failure] };
    await registry.close();
  }
  const client = await openElasticsearch(config);
  const { engine, nodes, requestTimeoutMs } = config.elasticsearch;
  const health = await checkElasticsearch(client, requestTimeoutMs, engine);
  const where = `${engineTitles[engine]} at ${originsOf(nodes)}`;
  if (!health.ok) {
    yield { what: where, failures: [health.failure] };
    return;
  }
  yield { what: health.version === undefined ? where : `${where}, version ${health.version}`, failures: [] };
  const { admin } = indexesOf(client, config);
  for (const { definition } of documents) {
    const found = await admin.inspect(definition.document);
    const failures = found.state === 'failed' ? [found.failure] : [];
    const what = found.state === 'absent' ? 'is made when its first record comes' : found.state;
    yield { what: `index ${definition.document}: ${what}`, failures };
  }
  await client.close();
}
