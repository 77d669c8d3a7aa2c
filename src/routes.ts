/**
 * Which topic makes which documents: mapping files first, then `unmapped`.
 */
import type { Form, FormName } from './model/form.ts';
import { autoForm } from './model/form.ts';
import type { CompiledDocument } from './mapping/compile.ts';
import { compileDocument } from './mapping/compile.ts';
import type { DocumentDefinition } from './mapping/definition.ts';
import { isTemplate, ofTopic, unmappedDefinition } from './mapping/definition.ts';
import type { SchemasMet } from './mapping/infer.ts';
import { createSchemasMet } from './mapping/infer.ts';
import type { LoadedTransform } from './mapping/transform.ts';
import type { DocumentMapper, IndexDefinition, TruncatedDocument } from './model/document.ts';
import type { Failure } from './model/outcome.ts';
import type { Epochs } from './model/position.ts';
import type { TopicOrigin, TopicState } from './model/topic-origin.ts';
import type { Redact } from './model/redact.ts';

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
  /** The documents of a topic, as a truncate of its table concerns them. */
  truncatedBy(topic: string, document?: string): readonly TruncatedDocument[];
  /** The epochs of a topic's documents, which its versions begin with. */
  epochsOf(topic: string): readonly Epochs[];
  /** The topics that the document of an alias is made of, as they are now; without those that are gone since the start. */
  topicOriginsOf(alias: string, states: ReadonlyMap<string, TopicState>): ReadonlyMap<string, TopicOrigin>;
  /** The topics of which a truncate deletes documents: each must have one partition, or the record has no place among the others. */
  readonly emptied: readonly string[];
  /** The topics that make a document. */
  topicsFor(document: string): readonly string[];
  /** Each document that topics make, once. */
  readonly documents: readonly RoutedDocument[];
  /** One of the documents that are made of a topic; undefined if it is not. */
  documentOf(topic: string, document: string): CompiledDocument | undefined;
  /** A dead letter of a topic as it may be kept; undefined if its record may be kept as it is. */
  redactOf(topic: string): Redact | undefined;
  /** The aliases of all documents. */
  readonly aliases: readonly string[];
  /** How many schemas of an alias' documents were met: while it is the same, so is the definition of its index. */
  schemasMet(alias: string): number;
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
  /** Told of each value that its conversion made null. */
  readonly nulled?: ((document: string, field: string) => void) | undefined;
  /** Regular expressions for whole names of topics whose documents a truncate may delete. */
  readonly truncation: { readonly allow: readonly string[] };
}

export function createRoutes(
  files: readonly DocumentFile[],
  { unmapped, deadLetters, masking: { hashKey }, nulled, truncation }: RouteOptions,
  existing: ReadonlySet<string>,
): Routes {
  // Several topics of a template may make one index: it has the columns of all of them.
  const schemas = new Map<string, SchemasMet>();
  const compile = (definition: DocumentDefinition, transform?: LoadedTransform): CompiledDocument => {
    const shared = schemas.get(definition.document) ?? createSchemasMet();
    schemas.set(definition.document, shared);
    const told = nulled && {
      nulled: (field: string) => {
        nulled(definition.document, field);
      },
    };
    return compileDocument(definition, { hashKey, transform, schemas: shared, ...told });
  };
  const compiled = files.map((file) => ({ file, whole: compile(file.definition, file.transform) }));
  const pattern = unmapped && new RegExp(`^(?:${unmapped.topics})$`);
  const byTopic = new Map<string, readonly CompiledDocument[]>();
  for (const topic of [...existing].sort()) {
    if (topic === deadLetters.topic) continue;
    const matching = compiled.flatMap(({ file: { definition, transform }, whole }) => {
      if (!whole.matches(topic)) return [];
      return isTemplate(definition) ? compile(ofTopic(definition, topic), transform) : whole;
    });
    if (matching.length > 0) byTopic.set(topic, matching);
    else if (unmapped !== undefined && pattern?.test(topic) === true) {
      byTopic.set(topic, [compile(unmappedDefinition(topic, unmapped.index, unmapped.form))]);
    }
  }
  const documents = [...byTopic.values()].flat();
  const byAlias = new Map(documents.map((compiled) => [compiled.document, compiled] as const));
  const madeOf = (topic: string, document?: string): readonly CompiledDocument[] =>
    (byTopic.get(topic) ?? []).filter((made) => document === undefined || made.document === document);
  const topicsFor = (document: string): readonly string[] =>
    [...byTopic.keys()].filter((topic) => madeOf(topic, document).length > 0);
  const emptied = [...byTopic].flatMap(([topic, made]) => {
    const document = made.find(({ truncated }) => truncated.policy === 'delete')?.document;
    return document === undefined ? [] : { topic, document };
  });
  const disputed = [...byTopic].flatMap(([topic, made]) => formDispute(topic, made));
  const missing = compiled.flatMap(({ file, whole }) => [
    ...whole.topics.filter((topic) => !existing.has(topic)).map((topic) => missingTopic(file, topic)),
    ...(hashKey === undefined ? missingKey(file) : []),
  ]);
  return {
    topics: [...byTopic.keys()],
    missing:
      byTopic.size === 0 && missing.length === 0
        ? [nothingToRead]
        : [...missing, ...disputed, ...notAllowed(emptied, truncation.allow)],
    emptied: emptied.map(({ topic }) => topic),
    formOf: (topic) => byTopic.get(topic)?.[0]?.form ?? autoForm,
    mappersOf: (topic, document) => madeOf(topic, document).map((made) => made.createMapper()),
    epochsOf: (topic) => (byTopic.get(topic) ?? []).map(({ epoch }) => epoch),
    topicOriginsOf: (alias, states) => {
      const origins = new Map<string, TopicOrigin>();
      for (const [topic, made] of byTopic) {
        const [state, document] = [states.get(topic), made.find((one) => one.document === alias)];
        if (state !== undefined && document !== undefined) origins.set(topic, { ...state, epoch: document.epoch });
      }
      return origins;
    },
    truncatedBy: (topic, document) => madeOf(topic, document).map(({ truncated }) => truncated),
    topicsFor,
    documents: [...byAlias.values()].map(({ document, definition }) => ({
      document,
      definition,
      topics: topicsFor(document),
    })),
    documentOf: (topic, document) => byTopic.get(topic)?.find((one) => one.document === document),
    redactOf: (topic) => {
      const redactors = (byTopic.get(topic) ?? []).flatMap(({ redact }) => redact ?? []);
      return redactors.length === 0
        ? undefined
        : (kept) => redactors.reduce((redacted, redact) => redact(redacted), kept);
    },
    aliases: [...byAlias.keys()],
    schemasMet: (alias) => byAlias.get(alias)?.schemasMet() ?? 0,
    indexDefinition: (alias) => byAlias.get(alias)?.indexDefinition(),
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

/** A mapping file alone must not be able to empty an index. */
function notAllowed(
  emptied: readonly { readonly topic: string; readonly document: string }[],
  allow: readonly string[],
): readonly Failure[] {
  const allowed = allow.map((text) => new RegExp(`^(?:${text})$`));
  return emptied
    .filter(({ topic }) => !allowed.some((pattern) => pattern.test(topic)))
    .map(({ topic, document }) => {
      const message = `The document ${document} has \`onTruncate: delete\`, but \`truncation.allow\` of the configuration does not name its topic «${topic}».`;
      return { code: 'CONFIGURATION_INVALID', message };
    });
}

/** Of topics whose documents a truncate deletes, those that have more than one partition. */
export function unorderedTruncates(partitions: ReadonlyMap<string, number>): readonly Failure[] {
  return [...partitions]
    .filter(([, count]) => count > 1)
    .map(([topic, count]) => {
      const message = `\`onTruncate: delete\` cannot be had for the topic «${topic}»: it has ${count} partitions, and nothing tells where among the records of the others a truncate stands.`;
      return { code: 'MAPPING_INVALID', message };
    });
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
