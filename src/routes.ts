/**
 * Which topic makes which documents: mapping files first, then `unmapped`.
 */
import type { Form, FormName } from './model/form.ts';
import { autoForm } from './model/form.ts';
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
  /** What is asked for and does not exist or cannot be, each with its place in a file. */
  readonly missing: readonly Failure[];
  /** What the values of a topic are. */
  formOf(topic: string): Form;
  mappersOf(topic: string): readonly DocumentMapper[];
  /** The index of an alias, as known by now; undefined for an alias of no document. */
  indexDefinition(alias: string): IndexDefinition | undefined;
}

export interface Unmapped {
  /** A regular expression for whole topic names. */
  readonly topics: string;
  readonly form: FormName;
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
      byTopic.set(topic, [compileDocument(unmappedDefinition(topic, unmapped.index, unmapped.form))]);
    }
  }
  const documents = [...byTopic.values()].flat();
  const disputed = [...byTopic].flatMap(([topic, made]) => formDispute(topic, made));
  const missing = files.flatMap((file, number) =>
    (compiled[number]?.topics ?? []).filter((topic) => !existing.has(topic)).map((topic) => missingTopic(file, topic)),
  );
  return {
    topics: [...byTopic.keys()],
    missing: byTopic.size === 0 && missing.length === 0 ? [nothingToRead] : [...missing, ...disputed],
    formOf: (topic) => byTopic.get(topic)?.[0]?.form ?? autoForm,
    mappersOf: (topic) => (byTopic.get(topic) ?? []).map((document) => document.createMapper()),
    indexDefinition: (alias) => documents.find(({ document }) => document === alias)?.indexDefinition(),
  };
}

const nothingToRead: Failure = {
  code: 'TOPIC_MISSING',
  message: 'No topic matches `from` of any mapping file, or `unmapped.topics`.',
};

/** A topic's records are read once, for all its documents. */
function formDispute(topic: string, documents: readonly CompiledDocument[]): readonly Failure[] {
  const [first, other] = new Map(documents.map((made) => [JSON.stringify(made.form), made.document])).values();
  if (first === undefined || other === undefined) return [];
  const message = `The documents ${first} and ${other} do not agree on the \`form\` of the topic «${topic}» or its outbox options.`;
  return [{ code: 'MAPPING_INVALID', message }];
}

function missingTopic({ file, positionOf }: DocumentFile, topic: string): Failure {
  const { line, column } = positionOf(['from']);
  return { code: 'TOPIC_MISSING', message: `${file}:${line}:${column}: Kafka has no topic «${topic}».` };
}
