/**
 * The one table of field types that a server may lack, and what stands in for each.
 *
 * Index mappings are inferred for an Elasticsearch 9 with all its modules. OpenSearch has other names for some types and lacks
 * others, and either engine may lack what comes with a module or a plugin. Only inferred fields are changed; a field that the
 * mapping file writes is the user's, and a server that cannot make it says so.
 */
import type { IndexDefinition } from '../model/document.ts';

type Field = Readonly<Record<string, unknown>>;
type StandIn = (field: Field) => Field | undefined;

/** The most characters of which no term becomes too long for Lucene (32,766 bytes). */
const longestTerm = 8191;

/** Kept in `_source` and shown, but not searched. */
const kept: StandIn = () => ({ type: 'object', enabled: false });
const text: StandIn = () => ({ type: 'text' });
const keyword: StandIn = ({ ignore_above: limit }) => ({
  type: 'keyword',
  ignore_above: typeof limit === 'number' ? Math.min(limit, longestTerm) : longestTerm,
});
const named =
  (type: string): StandIn =>
  () => ({ type });
const vector: StandIn = ({ dims }) => (typeof dims === 'number' ? { type: 'knn_vector', dimension: dims } : undefined);

/** For each type what stands in for it, the best first: the first whose type the server does not lack itself is taken. */
const standIns: Readonly<Record<string, readonly StandIn[]>> = {
  geo_shape: [kept],
  // Of OpenSearch's geospatial plugin.
  shape: [named('xy_shape'), kept],
  point: [named('xy_point'), kept],
  // Exact as a term, about right for ranges and sorting.
  unsigned_long: [() => ({ type: 'keyword', ignore_above: longestTerm, fields: { number: { type: 'double' } } })],
  scaled_float: [named('double')],
  wildcard: [keyword],
  version: [keyword],
  constant_keyword: [keyword],
  match_only_text: [text],
  search_as_you_type: [text],
  semantic_text: [text],
  flattened: [named('flat_object'), kept],
  // Of OpenSearch's k-NN plugin; found by exact scoring until the mapping file sets `index.knn`.
  dense_vector: [vector, kept],
  sparse_vector: [named('rank_features'), kept],
  rank_features: [kept],
  rank_feature: [named('float')],
  histogram: [kept],
};

/** All types that have a stand-in. */
export const replaceableTypes: readonly string[] = Object.keys(standIns);

/** A field that was changed: its full name, and the types. */
export interface Replacement {
  readonly field: string;
  readonly type: string;
  readonly by: string;
}

/** A definition's mappings as a server can take them, and what was changed for it. */
export interface Fitted {
  readonly mappings: Field;
  readonly replaced: readonly Replacement[];
}

/** Changes the inferred fields whose types the server lacks, with their subfields; everything else stays as it is. */
export function fitted(
  { mappings, inferred = [] }: Pick<IndexDefinition, 'mappings' | 'inferred'>,
  lacking: ReadonlySet<string>,
): Fitted {
  const properties = mappings['properties'];
  if (lacking.size === 0 || inferred.length === 0 || !isField(properties)) return { mappings, replaced: [] };
  const replaced: Replacement[] = [];
  const fit = (name: string, field: unknown): unknown => {
    if (!isField(field)) return field;
    const instead = instance(name, field, lacking, replaced);
    return mapValues(instead, (key, value) => {
      if (!isField(value) || (key !== 'properties' && key !== 'fields')) return value;
      return mapValues(value, (child, part) => {
        const made = fit(`${name}.${child}`, part);
        // A subfield of a value cannot be an object.
        return key === 'fields' && isField(made) && made['type'] === 'object' ? undefined : made;
      });
    });
  };
  const names = new Set(inferred);
  const fittedProperties = mapValues(properties, (name, field) => (names.has(name) ? fit(name, field) : field));
  return { mappings: { ...mappings, properties: fittedProperties }, replaced };
}

function instance(name: string, field: Field, lacking: ReadonlySet<string>, replaced: Replacement[]): Field {
  const { type } = field;
  if (typeof type !== 'string' || !lacking.has(type)) return field;
  const candidates = (standIns[type] ?? []).map((standIn) => standIn(field)).filter((made) => made !== undefined);
  const best = candidates.find((made) => !lacking.has(String(made['type'])));
  if (best === undefined) return field;
  replaced.push({ field: name, type, by: String(best['type']) });
  // Subfields are made of the same text, whatever the field's own type is.
  const { fields } = field;
  if (!isField(fields) || best['type'] === 'object') return best;
  return { ...best, fields: { ...asField(best['fields']), ...fields } };
}

/** Leaves out what becomes undefined. */
function mapValues(of: Field, change: (name: string, value: unknown) => unknown): Field {
  const changed = Object.entries(of).map(([name, value]) => [name, change(name, value)] as const);
  return Object.fromEntries(changed.filter(([, value]) => value !== undefined));
}

function isField(value: unknown): value is Field {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function asField(value: unknown): Field {
  return isField(value) ? value : {};
}

/**
 * The type that a server does not have, as its refusal of a mapping names it: «No handler for type [shape] declared on field
 * [f]» (OpenSearch, Elasticsearch to 7), «The mapper type [shape] declared on field [f] does not exist» (Elasticsearch).
 */
export function lackingType(reason: string | undefined): string | undefined {
  return /\btype \[(\w+)\] declared on field \[/.exec(reason ?? '')?.[1];
}
