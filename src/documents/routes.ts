/**
 * Which topic makes which documents: mapping files first, then `unmapped`.
 */
import type { Form, FormName } from '../model/form.ts';
import { autoForm } from '../model/form.ts';
import type { CompiledDocument } from '../mapping/compile.ts';
import { compileDocument } from '../mapping/compile.ts';
import type { DocumentDefinition } from '../mapping/definition.ts';
import { isTemplate, ofTopic, unmappedDefinition } from '../mapping/definition.ts';
import type { SchemasMet } from '../mapping/rows-met.ts';
import { createSchemasMet } from '../mapping/rows-met.ts';
import type { LoadedTransform } from '../mapping/transform.ts';
import type { DocumentFile, MadeDocument } from './route-problems.ts';
import { formDispute, missingKey, missingTopic, mixedTopics, notAllowed, nothingToRead } from './route-problems.ts';
import type { DocumentMapper, IndexDefinition, TruncatedDocument } from '../model/document.ts';
import type { Failure } from '../model/outcome.ts';
import type { Epochs } from '../model/position.ts';
import type { TopicOrigin, TopicState } from '../model/topic-origin.ts';
import type { Redact } from '../model/redact.ts';

export interface Routes {
  /** The topics to read, of those that exist. */
  readonly topics: readonly string[];
  /** What is asked for and does not exist or cannot be, each with its place in a file. */
  readonly missing: readonly Failure[];
  /** Why nothing may be written into the index of a document: topics that would overwrite each other's rows there. */
  conflictOf(document: string): Failure | undefined;
  /** What the values of a topic are. */
  formOf(topic: string): Form;
  /** The documents of a topic, each with what says so. */
  madeOf(topic: string): readonly MadeDocument[];
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
  /** Whether rows of an alias' documents were met, whatever became of them: from then on there should be an index. */
  hasRows(alias: string): boolean;
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
  /** What decides the content of its documents, as one text. */
  readonly contentText: string;
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
  /** Told once of each document whose updates do not say whether it moved. */
  readonly doubted?: ((doubt: Failure) => void) | undefined;
  /** Whether columns are read from the database whose null may be a value that it did not send. */
  readonly readDoubtfulNulls?: boolean | undefined;
  /** Regular expressions for whole names of topics whose documents a truncate may delete. */
  readonly truncation: { readonly allow: readonly string[] };
}

export function createRoutes(
  files: readonly DocumentFile[],
  { unmapped, deadLetters, masking: { hashKey }, nulled, doubted, readDoubtfulNulls, truncation }: RouteOptions,
  existing: ReadonlySet<string>,
): Routes {
  const met = new Set<string>();
  const compile = documentCompiler({
    hashKey,
    nulled,
    doubted,
    marksNulls: readDoubtfulNulls,
    rowsMet: (document) => met.add(document),
  });
  const compiled = files.map((file) => ({ file, whole: compile(file.definition, file.transform) }));
  const unmappedPattern = unmapped && new RegExp(`^(?:${unmapped.topics})$`);
  const all = [...existing].sort().flatMap((topic): readonly MadeDocument[] => {
    if (topic === deadLetters.topic) return [];
    const matching = compiled.flatMap(({ file, whole }): readonly MadeDocument[] => {
      if (!whole.matches(topic)) return [];
      const { definition, transform } = file;
      const made = isTemplate(definition) ? compile(ofTopic(definition, topic), transform) : whole;
      return [{ topic, made, origin: { file } }];
    });
    if (matching.length > 0 || unmapped === undefined || unmappedPattern?.test(topic) !== true) return matching;
    const made = compile(unmappedDefinition(topic, unmapped.index, unmapped.form));
    return [{ topic, made, origin: { index: unmapped.index } }];
  });
  const made = Map.groupBy(all, ({ topic }) => topic);
  const byTopic = new Map([...made].map(([topic, found]) => [topic, found.map(({ made }) => made)] as const));
  const mixed = mixedTopics(all);
  const documents = all.map(({ made }) => made);
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
        : [...missing, ...disputed, ...mixed.values(), ...notAllowed(emptied, truncation.allow)],
    conflictOf: (document) => mixed.get(document),
    emptied: emptied.map(({ topic }) => topic),
    formOf: (topic) => byTopic.get(topic)?.[0]?.form ?? autoForm,
    madeOf: (topic) => made.get(topic) ?? [],
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
    documents: [...byAlias.values()].map(({ document, definition, contentText }) => ({
      document,
      definition,
      contentText,
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
    hasRows: (alias) => met.has(alias),
    schemasMet: (alias) => byAlias.get(alias)?.schemasMet() ?? 0,
    indexDefinition: (alias) => byAlias.get(alias)?.indexDefinition(),
  };
}

/** Compiles definitions; those of one alias share the schemas that are met, for its index has the columns of all its topics. */
function documentCompiler({
  hashKey,
  nulled,
  doubted,
  marksNulls,
  rowsMet,
}: {
  readonly hashKey: string | undefined;
  /** Told of an alias when rows of it come whose columns or schema were not seen before. */
  readonly rowsMet: (document: string) => void;
  readonly marksNulls: boolean | undefined;
} & Pick<RouteOptions, 'nulled' | 'doubted'>) {
  const schemas = new Map<string, SchemasMet>();
  const doubts = new Set<string>();
  const doubtedOnce = (doubt: Failure): void => {
    if (doubts.has(doubt.message)) return;
    doubts.add(doubt.message);
    doubted?.(doubt);
  };
  return (definition: DocumentDefinition, transform?: LoadedTransform): CompiledDocument => {
    const shared = schemas.get(definition.document) ?? createSchemasMet();
    schemas.set(definition.document, shared);
    const told = nulled && {
      nulled: (field: string) => {
        nulled(definition.document, field);
      },
    };
    const met = (): void => {
      rowsMet(definition.document);
    };
    return compileDocument(definition, {
      ...{ hashKey, transform, schemas: shared, rowsMet: met, doubted: doubtedOnce, marksNulls },
      ...told,
    });
  };
}
