/**
 * What the user wrote, read for a command.
 */
import { dirname, resolve } from 'node:path';
import type { Documents } from '../compose-connections.ts';
import { loadConfig, loadDocuments } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { problemText } from '../config/problem.ts';
import type { Checked } from '../config/yaml-file.ts';
import { loadTransform } from './load-transform.ts';
import { documentDefinitionSchema } from '../mapping/definition.ts';
import type { CommonOptions, Surroundings } from './command.ts';

export interface Files {
  readonly config: Config;
  readonly documents: Documents;
}

/** Undefined when something is wrong: then every mistake was printed, one sentence each. */
export async function readFiles(
  { config: file }: CommonOptions,
  surroundings: Surroundings,
): Promise<Files | undefined> {
  const config = await loadConfig({ file, ...surroundings });
  const documents = config.ok
    ? await loadDocuments(config.value.documents, documentDefinitionSchema, {
        // Topics without mapping files may be all there is, but a folder that is named must hold mapping files.
        optional: config.value.unmapped !== undefined && !config.value.namesDocuments,
      })
    : undefined;
  const transforms = documents?.ok === true ? await Promise.all(documents.value.map(withTransform)) : [];
  const problems = [
    ...(config.ok ? [] : config.problems),
    ...(documents?.ok === false ? documents.problems : []),
    ...transforms.flatMap((loaded) => (loaded.ok ? [] : loaded.problems)),
  ];
  for (const problem of problems) surroundings.printError(problemText(problem));
  if (!config.ok || problems.length > 0) return undefined;
  return { config: config.value, documents: transforms.flatMap((loaded) => (loaded.ok ? [loaded.value] : [])) };
}

async function withTransform(document: Documents[number]): Promise<Checked<Documents[number]>> {
  const { file, definition, positionOf } = document;
  if (definition.transform === undefined) return { ok: true, value: document };
  const loaded = await loadTransform(resolve(dirname(file), definition.transform));
  if (typeof loaded !== 'string') return { ok: true, value: { ...document, transform: loaded } };
  return { ok: false, problems: [{ file, ...positionOf(['transform']), message: `\`transform\`: ${loaded}` }] };
}
