/**
 * What is wrong with which topics make which documents. `run`, `check` and the commands of one document judge by the same rules.
 */
import type { CompiledDocument } from '../mapping/compile.ts';
import type { DocumentDefinition } from '../mapping/definition.ts';
import { indexNameOf } from '../mapping/definition.ts';
import type { LoadedTransform } from '../mapping/transform.ts';
import type { Failure } from '../model/outcome.ts';

/** A mapping file and where its keys are. */
export interface DocumentFile {
  readonly file: string;
  readonly definition: DocumentDefinition;
  readonly transform?: LoadedTransform | undefined;
  positionOf(path: readonly (string | number)[]): { readonly line: number; readonly column: number };
}

/** What says that a topic makes a document: a mapping file, or `unmapped` of the configuration, of which `index` is the template. */
export type RouteOrigin = { readonly file: DocumentFile } | { readonly index: string };

/** A topic's document, and what says so. */
export interface MadeDocument {
  readonly topic: string;
  readonly made: CompiledDocument;
  readonly origin: RouteOrigin;
}

export const nothingToRead: Failure = {
  code: 'TOPIC_MISSING',
  message: 'No topic matches `from` of any mapping file, or `unmapped.topics`.',
};

/** A topic's records are read once, for all its documents. */
export function formDispute(topic: string, documents: readonly CompiledDocument[]): readonly Failure[] {
  const [first, other] = new Map(documents.map((made) => [JSON.stringify(made.form), made.document])).values();
  if (first === undefined || other === undefined) return [];
  const message = `The documents ${first} and ${other} do not agree on the \`form\` of the topic "${topic}" or its outbox options.`;
  return [{ code: 'MAPPING_INVALID', message }];
}

/** A mapping file alone must not be able to empty an index. */
export function notAllowed(
  emptied: readonly { readonly topic: string; readonly document: string }[],
  allow: readonly string[],
): readonly Failure[] {
  const allowed = allow.map((text) => new RegExp(`^(?:${text})$`));
  return emptied
    .filter(({ topic }) => !allowed.some((pattern) => pattern.test(topic)))
    .map(({ topic, document }) => {
      const message = `The document ${document} has \`onTruncate: delete\`, but \`truncation.allow\` of the configuration does not name its topic "${topic}".`;
      return { code: 'CONFIGURATION_INVALID', message };
    });
}

/** Of topics whose documents a truncate deletes, those that have more than one partition. */
export function unorderedTruncates(partitions: ReadonlyMap<string, number>): readonly Failure[] {
  return [...partitions]
    .filter(([, count]) => count > 1)
    .map(([topic, count]) => {
      const message = `\`onTruncate: delete\` cannot be had for the topic "${topic}": it has ${count} partitions, and nothing tells where among the records of the others a truncate stands.`;
      return { code: 'MAPPING_INVALID', message };
    });
}

export function missingKey(file: DocumentFile): readonly Failure[] {
  const hashed = Object.entries(file.definition.fields).find(([, { as }]) => as === 'hash');
  if (hashed === undefined) return [];
  const message = `${placeIn(file, ['fields', hashed[0], 'as'])}: \`as: hash\` needs a secret: set \`masking.hashKey\` (SLUICE_MASKING_HASH_KEY_FILE).`;
  return [{ code: 'MAPPING_INVALID', message }];
}

export function missingTopic(file: DocumentFile, topic: string): Failure {
  return { code: 'TOPIC_MISSING', message: `${placeIn(file, ['from'])}: Kafka has no topic "${topic}".` };
}

/**
 * Aliases that several topics would fill although nothing says that their rows cannot meet in one document; alias → why not.
 * Rows of different tables with equal keys overwrite each other. A row that moves between topics can vanish: a version is
 * made of the offset in one topic, and offsets of two topics cannot be compared.
 */
export function mixedTopics(documents: readonly MadeDocument[]): ReadonlyMap<string, Failure> {
  const mixed = new Map<string, Failure>();
  for (const [alias, all] of Map.groupBy(documents, ({ made }) => made.document)) {
    const [first] = all;
    if (first === undefined) continue;
    const other = all.find(({ origin }) => !isSame(origin, first.origin));
    const topics = [...new Set(all.map(({ topic }) => topic))];
    if (other !== undefined) mixed.set(alias, { code: 'TOPICS_MIXED', message: madeTwice(alias, first, other) });
    else if (topics.length > 1 && !isKeptApart(first.made))
      mixed.set(alias, { code: 'TOPICS_MIXED', message: sharedBy(alias, first.origin, topics) });
  }
  return mixed;
}

function isSame(one: RouteOrigin, other: RouteOrigin): boolean {
  return 'file' in one && 'file' in other ? one.file === other.file : 'index' in one && 'index' in other;
}

function isKeptApart({ definition: { rowsStayInTopic, id } }: CompiledDocument): boolean {
  return rowsStayInTopic === true || id.topic === true;
}

function madeTwice(alias: string, first: MadeDocument, other: MadeDocument): string {
  const topics =
    first.topic === other.topic
      ? `, both of the topic "${first.topic}"`
      : ` (topics "${first.topic}" and "${other.topic}")`;
  return `The index "${alias}" is made by ${nameOf(first.origin)} and by ${nameOf(other.origin)}${topics}, so their documents would overwrite each other. Change the name in one of them.`;
}

function sharedBy(alias: string, origin: RouteOrigin, topics: readonly string[]): string {
  const [first = '', second = ''] = topics;
  const others = topics.length > 2 ? ` and ${topics.length - 2} more` : '';
  return `${nameOf(origin)}: The topics "${first}" and "${second}"${others} would write into one index, "${alias}": rows with equal keys would overwrite each other, and a row that moves to another topic could disappear. ${remedies(origin, topics)}`;
}

/** Only what would help for these topics. */
function remedies(origin: RouteOrigin, topics: readonly string[]): string {
  const isFile = 'file' in origin;
  const name = isFile ? origin.file.definition.document : origin.index;
  const template = ['${table}', '${schema}-${table}', '${topic}']
    .map((part) => (name.includes('${') ? name.replace(/\$\{.*\}/, () => part) : `${name}-${part}`))
    .find((one) => new Set(topics.map((topic) => indexNameOf(one, topic))).size === topics.length);
  const own =
    template === undefined
      ? 'write a mapping file for each, since their names differ only in what no index name can hold'
      : `give each an index of its own, \`${isFile ? 'document' : 'unmapped.index'}: ${template}\``;
  const inId = isFile ? ', or put the topic into each id, `id: { topic: true }`' : '';
  const stated = isFile
    ? 'state `rowsStayInTopic: true` if no row ever moves from one topic to another and no id occurs in two'
    : 'write a mapping file for them';
  return `If they are different tables, ${own}${inId}. If they are parts of one table, let the connector write one topic (\`publish.via.partition.root=true\`, or the transform ByLogicalTableRouter), or ${stated}.`;
}

function nameOf(origin: RouteOrigin): string {
  return 'file' in origin ? placeIn(origin.file, ['document']) : `\`unmapped.index: ${origin.index}\``;
}

/** `file:line:column` of a key. */
export function placeIn({ file, positionOf }: DocumentFile, path: readonly (string | number)[]): string {
  const { line, column } = positionOf(path);
  return `${file}:${line}:${column}`;
}
