/**
 * What the user wrote, read for a command.
 */
import type { Documents } from '../compose.ts';
import { loadConfig, loadDocuments } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { problemText } from '../config/problem.ts';
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
        // Topics without mapping files may be all there is.
        optional: config.value.unmapped !== undefined,
      })
    : undefined;
  const problems = [...(config.ok ? [] : config.problems), ...(documents?.ok === false ? documents.problems : [])];
  for (const problem of problems) surroundings.printError(problemText(problem));
  return config.ok && documents?.ok === true ? { config: config.value, documents: documents.value } : undefined;
}
