import { contentDigestOf, indexesOf, openElasticsearch, openKafka } from '../compose-connections.ts';
import { differencesText } from '../model/difference.ts';
import { checkElasticsearch } from '../elasticsearch/health.ts';
import { SluiceError } from '../errors.ts';
import { kafkaFailure } from '../kafka/client.ts';
import { listTopics } from '../kafka/offsets.ts';
import { compileDocument } from '../mapping/compile.ts';
import type { IndexDefinition } from '../model/document.ts';
import { allTopics } from '../model/index-origin.ts';
import { createRoutes } from '../documents/routes.ts';
import { failWith } from './failures.ts';
import type { Files } from './files.ts';
import { readFiles } from './files.ts';
import type { CommonOptions, ExitCode, Surroundings } from './command.ts';

interface AdoptOptions extends CommonOptions {
  readonly index?: string;
}

/** `sluice adopt DOCUMENT [--index INDEX]`: an index that is there becomes the document's. */
export async function adoptCommand(
  document: string,
  { index, ...options }: AdoptOptions,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const files = await readFiles(options, surroundings);
  if (files === undefined) return 2;
  const client = await openElasticsearch(files.config);
  try {
    const definition = await definitionOf(document, files);
    const { engine, requestTimeoutMs } = files.config.elasticsearch;
    const health = await checkElasticsearch(client, requestTimeoutMs, engine);
    if (!health.ok) throw new SluiceError([health.failure]);
    const adopted = await indexesOf(client, files.config).adopt(definition, index);
    if ('code' in adopted) throw new SluiceError([adopted]);
    const { generation, added, pending } = adopted;
    surroundings.print(`✔ ${generation.index} is the index of ${document}: the alias ${document} names it.`);
    if (added.length > 0) surroundings.print(`  Given to it: ${differencesText(added)}.`);
    if (pending.length > 0)
      surroundings.print(`  Left as it is (\`index.apply: never\`): ${differencesText(pending)}.`);
    surroundings.print('  Its documents stay as they are: `sluice verify` says whether they are those of the source.');
    return 0;
  } catch (error) {
    return failWith(error, surroundings);
  } finally {
    await client.close();
  }
}

/** Of a mapping file; else of a document that only the topics tell of. */
async function definitionOf(document: string, { config, documents }: Files): Promise<IndexDefinition> {
  const file = documents.find(({ definition }) => definition.document === document);
  if (file !== undefined) {
    const compiled = compileDocument(file.definition, file);
    return vouchedFor(compiled.indexDefinition(), contentDigestOf(compiled, config));
  }
  const kafka = await openKafka(config, () => undefined);
  const existing = await listTopics(kafka).catch((error: unknown) => {
    throw new SluiceError([kafkaFailure(error)]);
  });
  const routes = createRoutes(documents, config, existing);
  const routed = routes.documents.find((one) => one.document === document);
  const definition = routes.indexDefinition(document);
  if (definition !== undefined && routed !== undefined) return vouchedFor(definition, contentDigestOf(routed, config));
  const message = `No mapping file and no topic makes the document "${document}".`;
  throw new SluiceError([{ code: 'CONFIGURATION_INVALID', message }]);
}

/** Whoever takes an index over says that its documents are those of this definition, and that none is missing. */
function vouchedFor(definition: IndexDefinition, content: string): IndexDefinition {
  return { ...definition, origin: { contents: [content], began: { [allTopics]: {} } } };
}
