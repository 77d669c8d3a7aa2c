/**
 * The one table of field types that a server may lack, and what stands in for each.
 *
 * Index mappings are inferred for an Elasticsearch 9 with all its modules. OpenSearch has other names for some types and lacks
 * others, and either engine may lack what comes with a module or a plugin. Only inferred fields are changed; a field that the
 * mapping file writes is the user's, and a server that cannot make it says so. No stand-in costs a document for the sake of a
 * value that the type itself would have taken.
 */
import type { Replacement } from '../../documents/ports.ts';
import type { IndexDefinition } from '../../model/document.ts';

export type Field = Readonly<Record<string, unknown>>;
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
const planar =
  (type: string): StandIn =>
  ({ ignore_malformed: ignoring }) => ({ type, ...(ignoring !== undefined && { ignore_malformed: ignoring }) });
/** What is no number stays in `_source`. */
const float: StandIn = () => ({ type: 'float', ignore_malformed: true });
const double: StandIn = () => ({ type: 'double', ignore_malformed: true });
const vector: StandIn = ({ dims }) => (typeof dims === 'number' ? { type: 'knn_vector', dimension: dims } : undefined);

/** For each type what stands in for it, the best first: the first whose type the server does not lack itself is taken. */
const standIns: Readonly<Record<string, readonly StandIn[]>> = {
  geo_shape: [kept],
  // Of OpenSearch's geospatial plugin.
  shape: [planar('xy_shape'), kept],
  point: [planar('xy_point'), kept],
  // Exact as a term, about right for ranges and sorting.
  unsigned_long: [
    () => ({
      type: 'keyword',
      ignore_above: longestTerm,
      fields: { number: { type: 'double', ignore_malformed: true } },
    }),
  ],
  scaled_float: [double],
  wildcard: [keyword],
  version: [keyword],
  constant_keyword: [keyword],
  match_only_text: [text],
  search_as_you_type: [text],
  semantic_text: [text],
  // Not OpenSearch's `flat_object`: it refuses a document for a text of more than 32,766 bytes, and overflows its stack on deep ones.
  flattened: [kept],
  // Of OpenSearch's k-NN plugin; found by exact scoring until the mapping file sets `index.knn`.
  dense_vector: [vector, kept],
  sparse_vector: [() => ({ type: 'rank_features' }), kept],
  rank_features: [kept],
  rank_feature: [float],
  histogram: [kept],
};

/** All types that have a stand-in. */
export const replaceableTypes: readonly string[] = Object.keys(standIns);

/** Whether a field of type `by` is what stands in for this one on some server. */
export function standsInFor(field: Field, by: string): boolean {
  const candidates = standIns[String(field['type'])] ?? [];
  return candidates.some((standIn) => standIn(field)?.['type'] === by);
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
  const without = lacking.has(lenientBoolean) ? strictBooleans(mappings) : mappings;
  if (lacking.size === 0 || inferred.length === 0 || !isField(properties)) return { mappings: without, replaced: [] };
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
  return { mappings: { ...without, properties: fittedProperties }, replaced };
}

/** What stands among the types that a server lacks if its booleans cannot ignore what is none, as OpenSearch's cannot. */
export const lenientBoolean = 'boolean.ignore_malformed';

/** Without `ignore_malformed` for the booleans of `dynamic_templates`: a server that has none refuses each such field, or its documents. */
function strictBooleans(mappings: Field): Field {
  const { dynamic_templates: templates } = mappings;
  if (!Array.isArray(templates)) return mappings;
  const strict = templates.map((template: unknown) =>
    mapValues(asField(template), (_, rule) => {
      const { mapping } = asField(rule);
      if (!isField(mapping) || mapping['type'] !== 'boolean') return rule;
      return {
        ...asField(rule),
        mapping: mapValues(mapping, (key, value) => (key === 'ignore_malformed' ? undefined : value)),
      };
    }),
  );
  return { ...mappings, dynamic_templates: strict };
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
 * The type that a server does not have, as its refusal of a mapping names it: "No handler for type [shape] declared on field
 * [f]" (OpenSearch, Elasticsearch to 7), "The mapper type [shape] declared on field [f] does not exist" (Elasticsearch).
 */
export function lackingType(reason: string | undefined): string | undefined {
  return /\btype \[(\w+)\] declared on field \[/.exec(reason ?? '')?.[1];
}
