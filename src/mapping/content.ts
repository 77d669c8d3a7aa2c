/**
 * What of a definition decides the documents that rows become. Two definitions with the same text make the same documents; what
 * decides only where rows come from, and what the index is like, is not in it.
 */
import { documentDefinitionSchema, type DocumentDefinition } from './definition.ts';

const besides: ReadonlySet<string> = new Set([
  ...['document', 'from', 'epoch', 'index', 'onTruncate'],
  // Says something of the topics.
  'rowsStayInTopic',
]);

/**
 * Without what has its default value, so that a key that a later version adds changes no text; keys in one order, since their
 * order in the file means nothing. `transform` is named by what the module is, not by its file.
 */
export function contentText(definition: DocumentDefinition, transformDigest: string | undefined): string {
  const defaults = documentDefinitionSchema.parse({ document: 'any', from: 'any' });
  const { transform, ...told } = definition;
  const own = Object.fromEntries(Object.entries(told).filter(([key]) => !besides.has(key)));
  const content = without({ ...own, fields: decisiveFields(definition) }, defaults);
  return ordered({ ...asObject(content), ...(transform !== undefined && { transform: transformDigest ?? transform }) });
}

/** `optional` says something of rows, not of documents; what is left empty by it is a column under its own name, as without `select`. */
function decisiveFields({ fields, select }: DocumentDefinition): object {
  const kept = Object.entries(fields).map(([name, field]) => [name, { ...field, optional: undefined }] as const);
  return Object.fromEntries(
    kept.filter(([, field]) => select !== undefined || Object.values(field).some((value) => value !== undefined)),
  );
}

/** Without the members that `defaults` has too. */
function without(value: unknown, defaults: unknown): unknown {
  if (!isObject(value)) return value;
  const base = asObject(defaults);
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) => {
      if (inner === undefined || ordered(inner) === ordered(base[key])) return [];
      return [[key, isObject(inner) && isObject(base[key]) ? without(inner, base[key]) : inner]];
    }),
  );
}

function ordered(value: unknown): string {
  return JSON.stringify([value], (_, inner: unknown) =>
    isObject(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner,
  );
}

function asObject(value: unknown): Readonly<Record<string, unknown>> {
  return isObject(value) ? value : {};
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
