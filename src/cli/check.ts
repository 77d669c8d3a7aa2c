import { indexesOf, openElasticsearch, openKafka, openSchemaRegistry, originsOf } from '../compose-connections.ts';
import { engineTitles } from '../elasticsearch/engine.ts';
import { checkElasticsearch } from '../elasticsearch/health.ts';
import { explain } from '../errors.ts';
import { kafkaFailure } from '../kafka/client.ts';
import { countPartitions, listTopics } from '../kafka/offsets.ts';
import { isTemplate } from '../mapping/definition.ts';
import type { Routes } from '../documents/routes.ts';
import { unorderedTruncates } from '../documents/route-problems.ts';
import { createRoutes } from '../documents/routes.ts';
import { checkDeadLetters } from './check-dead-letters.ts';
import { checkIndexes } from './check-indexes.ts';
import { checkDoubts, checkOffsets } from './check-offsets.ts';
import { checkPrivileges } from './check-privileges.ts';
import { checkSource } from './check-source.ts';
import type { Finding } from './check-topics.ts';
import { checkTopics } from './check-topics.ts';
import { failWith } from './failures.ts';
import type { Files } from './files.ts';
import { readFiles } from './files.ts';
import type { CommonOptions, ExitCode, Surroundings } from './command.ts';

/** `sluice check`: the files first, then the servers. Changes nothing. */
export async function checkCommand(options: CommonOptions, surroundings: Surroundings): Promise<ExitCode> {
  const files = await readFiles(options, surroundings);
  if (files === undefined) return 2;
  surroundings.print(`✔ configuration and ${files.documents.length} mapping files`);
  let wrong = false;
  try {
    for await (const { what, failures, warnings = [] } of findings(files)) {
      wrong ||= failures.length > 0;
      surroundings.print(`${failures.length > 0 ? '✖' : warnings.length > 0 ? '!' : '✔'} ${what}`);
      for (const failure of [...failures, ...warnings]) surroundings.printError(`  ${explain(failure)}`);
    }
  } catch (error) {
    return failWith(error, surroundings);
  }
  return wrong ? 2 : 0;
}

/** For the schemas of the records that are looked at. */
const schemasWithinMs = 10_000;

async function* findings(files: Files): AsyncGenerator<Finding> {
  const { config, documents } = files;
  const kafka = await openKafka(config, () => undefined);
  const registry = await openSchemaRegistry(config);
  const refusal = await registry?.client.check(new AbortController().signal);
  if (registry !== undefined) {
    const { urls = [], apicurioUrls = [] } = config.schemaRegistry ?? {};
    const what = `schema registry at ${originsOf([...urls, ...apicurioUrls])}`;
    yield { what, failures: refusal === undefined ? [] : [refusal] };
  }
  let routes: Routes | undefined;
  const existing = await listTopics(kafka).catch((error: unknown) => kafkaFailure(error));
  if ('code' in existing) {
    yield { what: `Kafka at ${config.kafka.brokers.join(', ')}`, failures: [existing] };
  } else {
    yield { what: `Kafka at ${config.kafka.brokers.join(', ')}, ${existing.size} topics`, failures: [] };
    routes = createRoutes(documents, config, existing);
    const unordered = unorderedTruncates(await countPartitions(kafka, routes.emptied));
    yield {
      what: `topics to read: ${routes.topics.join(', ') || 'none'}`,
      failures: [...routes.missing, ...unordered],
    };
    const { topics } = routes;
    yield await checkDeadLetters({ kafka, deadLetters: config.deadLetters, existing, topics });
    const schemas = refusal === undefined ? registry?.open(AbortSignal.timeout(schemasWithinMs)) : undefined;
    const prepare = schemas?.prepare;
    if (routes.missing.length === 0) yield* await checkTopics({ kafka, files, routes, prepare, schemas });
  }
  if (config.source !== undefined && routes !== undefined) yield await checkSource(config.source, routes);
  await registry?.client.close();
  const client = await openElasticsearch(config);
  const { engine, nodes, requestTimeoutMs } = config.elasticsearch;
  const health = await checkElasticsearch(client, requestTimeoutMs, engine);
  const where = `${engineTitles[engine]} at ${originsOf(nodes)}`;
  if (!health.ok) {
    yield { what: where, failures: [health.failure] };
    return;
  }
  yield { what: health.version === undefined ? where : `${where}, version ${health.version}`, failures: [] };
  yield await checkPrivileges(client, config, aliasesOf(files, routes));
  yield* checkIndexes(indexesOf(client, config), documents, routes);
  if (routes !== undefined && routes.missing.length === 0) {
    yield await checkOffsets(kafka, client, config, routes);
    yield await checkDoubts(kafka, client, config, routes);
  }
  await client.close();
}

/** The aliases of all documents; templates make theirs of topics, which Kafka alone knows. */
function aliasesOf({ documents }: Files, routes: Routes | undefined): readonly string[] {
  const named = documents
    .filter(({ definition }) => !isTemplate(definition))
    .map(({ definition }) => definition.document);
  return [...new Set([...named, ...(routes?.aliases ?? [])])];
}
