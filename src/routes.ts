/**
 * Which topic makes which documents: mapping files first, then `unmapped`.
 */
import type { Form, FormName } from './model/form.ts';
import { autoForm } from './model/form.ts';
import type { CompiledDocument } from './mapping/compile.ts';
import { compileDocument } from './mapping/compile.ts';
import type { DocumentDefinition } from './mapping/definition.ts';
import { isTemplate, ofTopic, unmappedDefinition } from './mapping/definition.ts';
import type { LoadedTransform } from './mapping/transform.ts';
import type { DocumentMapper, IndexDefinition } from './model/document.ts';
import type { Failure } from './model/outcome.ts';
import type { SourceRecord } from './model/record.ts';

/** A mapping file and where its keys are. */
export interface DocumentFile {
  readonly file: string;
  readonly definition: DocumentDefinition;
  readonly transform?: LoadedTransform | undefined;
  positionOf(path: readonly (string | number)[]): { readonly line: number; readonly column: number };
}

export interface Routes {
  /** The topics to read, of those that exist. */
  readonly topics: readonly string[];
  /** What is asked for and does not exist or cannot be, each with its place in a file. */
  readonly missing: readonly Failure[];
  /** What the values of a topic are. */
  formOf(topic: string): Form;
  /** Of all its documents, or of one. */
  mappersOf(topic: string, document?: string): readonly DocumentMapper[];
  /** Each document that a topic makes, once. */
  readonly documents: readonly RoutedDocument[];
  /** The record of a topic as it may be kept in a dead letter; undefined if it may be kept as it is. */
  redactOf(topic: string): ((record: SourceRecord) => SourceRecord) | undefined;
  /** The index of an alias, as known by now; undefined for an alias of no document. */
  indexDefinition(alias: string): IndexDefinition | undefined;
}

/** A document, and the topics that it is made of. */
export interface RoutedDocument {
  /** The alias. */
  readonly document: string;
  readonly definition: DocumentDefinition;
  readonly topics: readonly string[];
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
  readonly masking: { readonly hashKey?: string | undefined };
}

export function createRoutes(
  files: readonly DocumentFile[],
  { unmapped, deadLetters, masking: { hashKey } }: RouteOptions,
  existing: ReadonlySet<string>,
): Routes {
  const compiled = files.map((file) => ({
    file,
    whole: compileDocument(file.definition, { hashKey, transform: file.transform }),
  }));
  const pattern = unmapped && new RegExp(`^(?:${unmapped.topics})$`);
  const byTopic = new Map<string, readonly CompiledDocument[]>();
  for (const topic of [...existing].sort()) {
    if (topic === deadLetters.topic) continue;
    const matching = compiled.flatMap(({ file: { definition, transform }, whole }) => {
      if (!whole.matches(topic)) return [];
      return isTemplate(definition) ? compileDocument(ofTopic(definition, topic), { hashKey, transform }) : whole;
    });
    if (matching.length > 0) byTopic.set(topic, matching);
    else if (unmapped !== undefined && pattern?.test(topic) === true) {
      byTopic.set(topic, [compileDocument(unmappedDefinition(topic, unmapped.index, unmapped.form))]);
    }
  }
  const documents = [...byTopic.values()].flat();
  const disputed = [...byTopic].flatMap(([topic, made]) => formDispute(topic, made));
  const missing = compiled.flatMap(({ file, whole }) => [
    ...whole.topics.filter((topic) => !existing.has(topic)).map((topic) => missingTopic(file, topic)),
    ...(hashKey === undefined ? missingKey(file) : []),
  ]);
  return {
    topics: [...byTopic.keys()],
    missing: byTopic.size === 0 && missing.length === 0 ? [nothingToRead] : [...missing, ...disputed],
    formOf: (topic) => byTopic.get(topic)?.[0]?.form ?? autoForm,
    mappersOf: (topic, document) =>
      (byTopic.get(topic) ?? [])
        .filter((made) => document === undefined || made.document === document)
        .map((made) => made.createMapper()),
    documents: [...new Map(documents.map((made) => [made.document, made])).values()].map(
      ({ document, definition }) => ({
        document,
        definition,
        topics: [...byTopic].flatMap(([topic, made]) => (made.some((one) => one.document === document) ? topic : [])),
      }),
    ),
    redactOf: (topic) => {
      const redactors = (byTopic.get(topic) ?? []).flatMap(({ redact }) => redact ?? []);
      return redactors.length === 0
        ? undefined
        : (record) => redactors.reduce((redacted, redact) => redact(redacted), record);
    },
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

function missingKey({ file, definition, positionOf }: DocumentFile): readonly Failure[] {
  const hashed = Object.entries(definition.fields).find(([, { as }]) => as === 'hash');
  if (hashed === undefined) return [];
  const { line, column } = positionOf(['fields', hashed[0], 'as']);
  const message = `${file}:${line}:${column}: \`as: hash\` needs a secret: set \`masking.hashKey\` (SLUICE_MASKING_HASH_KEY_FILE).`;
  return [{ code: 'MAPPING_INVALID', message }];
}

function missingTopic({ file, positionOf }: DocumentFile, topic: string): Failure {
  const { line, column } = positionOf(['from']);
  return { code: 'TOPIC_MISSING', message: `${file}:${line}:${column}: Kafka has no topic «${topic}».` };
}
