/**
 * Which topic makes which documents: mapping files first, then `unmapped`.
 */
import type { CompiledDocument } from './mapping/compile.ts';
import { compileDocument } from './mapping/compile.ts';
import type { DocumentDefinition } from './mapping/definition.ts';
import { unmappedDefinition } from './mapping/definition.ts';
import type { DocumentMapper, IndexDefinition } from './model/document.ts';
import type { Failure } from './model/outcome.ts';

/** A mapping file and where its keys are. */
export interface DocumentFile {
  readonly file: string;
  readonly definition: DocumentDefinition;
  positionOf(path: readonly (string | number)[]): { readonly line: number; readonly column: number };
}

export interface Routes {
  /** The topics to read, of those that exist. */
  readonly topics: readonly string[];
  /** What is asked for and does not exist, each with its place in a file. */
  readonly missing: readonly Failure[];
  mappersOf(topic: string): readonly DocumentMapper[];
  /** The index of an alias, as known by now; undefined for an alias of no document. */
  indexDefinition(alias: string): IndexDefinition | undefined;
}

export interface Unmapped {
  /** A regular expression for whole topic names. */
  readonly topics: string;
  readonly index: string;
}

export interface RouteOptions {
  readonly unmapped?: Unmapped | undefined;
  /** Never read, whatever a pattern says: a letter that cannot be read would become another letter, for ever. */
  readonly deadLetters: { readonly topic: string };
}

export function createRoutes(
  files: readonly DocumentFile[],
  { unmapped, deadLetters }: RouteOptions,
  existing: ReadonlySet<string>,
): Routes {
  const compiled = files.map(({ definition }) => compileDocument(definition));
  const pattern = unmapped && new RegExp(`^(?:${unmapped.topics})$`);
  const byTopic = new Map<string, CompiledDocument[]>();
  for (const topic of [...existing].sort()) {
    if (topic === deadLetters.topic) continue;
    const matching = compiled.filter((document) => document.matches(topic));
    if (matching.length > 0) byTopic.set(topic, matching);
    else if (unmapped !== undefined && pattern?.test(topic) === true) {
      byTopic.set(topic, [compileDocument(unmappedDefinition(topic, unmapped.index))]);
    }
  }
  const documents = [...byTopic.values()].flat();
  const missing = files.flatMap((file, number) =>
    (compiled[number]?.topics ?? []).filter((topic) => !existing.has(topic)).map((topic) => missingTopic(file, topic)),
  );
  return {
    topics: [...byTopic.keys()],
    missing: byTopic.size === 0 && missing.length === 0 ? [nothingToRead] : missing,
    mappersOf: (topic) => (byTopic.get(topic) ?? []).map((document) => document.createMapper()),
    indexDefinition: (alias) => documents.find(({ document }) => document === alias)?.indexDefinition(),
  };
}

const nothingToRead: Failure = {
  code: 'TOPIC_MISSING',
  message: 'No topic matches `from` of any mapping file, or `unmapped.topics`.',
};

function missingTopic({ file, positionOf }: DocumentFile, topic: string): Failure {
  const { line, column } = positionOf(['from']);
  return { code: 'TOPIC_MISSING', message: `${file}:${line}:${column}: Kafka has no topic «${topic}».` };
}
