/**
 * The one rule by which a column gets a name that an index can hold (docs/decisions/0042-field-names.md).
 *
 * Nearly every column keeps its name. What Elasticsearch cannot hold is percent-encoded, as in a URL: the `_` that makes a name
 * one of its own (`_id` → `%5Fid`), the dots of a name that is no path (`.` → `%2E`, `a..b` → `a%2E%2Eb`), the blanks of a name
 * that has nothing else, and, in a name that is changed, `%` itself. The empty name is `%`. So two names that are changed are
 * never the same; a name that is changed and one that is not may be, and then nothing is written (`collisionOf`).
 */

/**
 * Fields that are Elasticsearch's own at the top of a document: it refuses a mapping, or documents, that have them. The last
 * ones are not in its documentation: Lucene keeps what is deleted under them, and takes no other value there.
 */
const reserved: ReadonlySet<string> = new Set([
  ...['_id', '_index', '_source', '_version', '_routing', '_field_names', '_ignored', '_ignored_source', '_doc_count'],
  ...['_seq_no', '_primary_term', '_nested_path', '_tier', '_tsid', '_ts_routing_hash', '_data_stream_timestamp'],
  ...['_size', '_feature', '_inference_fields'],
  ...['__soft_deletes', '_tombstone', '_recovery_source', '_recovery_source_size'],
]);

/** `index.mapping.depth.limit`: a path of more names would be refused. */
const deepestPath = 20;

/** What Java takes for white space: unlike JavaScript not the blanks that do not break, and four control characters more. */
const blank = /^[\t-\r\x1c-\x20\u1680\u2000-\u2006\u2008-\u200a\u2028\u2029\u205f\u3000]*$/;

/** The field of a column of this name; the same name where an index can hold it. */
export function fieldName(column: string): string {
  const parts = column.split('.');
  if (parts.length > deepestPath || parts.some((part) => blank.test(part))) return withoutDots(column);
  return reserved.has(parts[0] ?? '') ? `%5F${encodedPercent(column.slice(1))}` : column;
}

/** The field of a column whose name has dots where they cannot make it a path: another column has the name before a dot. */
export function withoutDots(column: string): string {
  if (column === '') return '%';
  const encoded = encodedPercent(column).replaceAll('.', '%2E');
  const kept = blank.test(encoded) ? encodeURIComponent(encoded) : encoded;
  return reserved.has(kept) ? `%5F${kept.slice(1)}` : kept;
}

const encodedPercent = (text: string): string => text.replaceAll('%', '%25');

/** Whether an object inside a document can have members of these names, each a field of its own. */
export function canBeMembers(names: readonly string[]): boolean {
  const all = new Set(names);
  return names.every(
    (name) => name.split('.').every((part) => !blank.test(part)) && !outerNames(name).some((outer) => all.has(outer)),
  );
}

/** `a` and `a.b` of `a.b.c`. */
export function outerNames(name: string): readonly string[] {
  const outer: string[] = [];
  for (let dot = name.indexOf('.'); dot !== -1; dot = name.indexOf('.', dot + 1)) outer.push(name.slice(0, dot));
  return outer;
}
