/**
 * The parameters of fields and mappings: what a server means where it says nothing, and what it lets be changed later.
 *
 * Servers leave out of a mapping what is a default, and say some defaults that nobody wrote. What is not in these tables is
 * taken as written: the server judges it when it is asked.
 */

/** By `type.parameter`, else by the parameter alone, as text. */
const defaults: Readonly<Record<string, string>> = {
  index: 'true',
  doc_values: 'true',
  'binary.doc_values': 'false',
  store: 'false',
  enabled: 'true',
  coerce: 'true',
  ignore_malformed: 'false',
  norms: 'true',
  'keyword.norms': 'false',
  index_options: 'positions',
  'keyword.index_options': 'docs',
  index_phrases: 'false',
  term_vector: 'no',
  similarity: 'BM25',
  fielddata: 'false',
  eager_global_ordinals: 'false',
  'join.eager_global_ordinals': 'true',
  split_queries_on_whitespace: 'false',
  position_increment_gap: '100',
  analyzer: 'default',
  'completion.analyzer': 'simple',
  preserve_separators: 'true',
  preserve_position_increments: 'true',
  max_input_length: '50',
  ignore_above: '2147483647',
  depth_limit: '20',
  positive_score_impact: 'true',
  ignore_z_value: 'true',
  orientation: 'right',
  max_shingle_size: '3',
  include_in_parent: 'false',
  include_in_root: 'false',
  'date.format': 'strict_date_optional_time||epoch_millis',
  'date_nanos.format': 'strict_date_optional_time_nanos||epoch_millis',
  // The format of `date` before Elasticsearch told them apart, and of OpenSearch.
  'date_range.format': 'strict_date_optional_time||epoch_millis',
  date_detection: 'true',
  numeric_detection: 'false',
  'mapping.dynamic': 'true',
  'mapping._source': '{enabled:true}',
  'mapping._routing': '{required:false}',
  subobjects: 'true',
};

/** Those that a server changes in an index that has documents. */
const changeable: ReadonlySet<string> = new Set([
  'dynamic',
  'date_detection',
  'numeric_detection',
  'dynamic_date_formats',
  'dynamic_templates',
  'runtime',
  '_meta',
  'meta',
  'ignore_above',
  'ignore_malformed',
  'coerce',
  'copy_to',
  'eager_global_ordinals',
  'fielddata',
  'fielddata_frequency_filter',
  'search_analyzer',
  'search_quote_analyzer',
  'split_queries_on_whitespace',
  'depth_limit',
  'max_input_length',
  'ignore_z_value',
  'orientation',
]);

/** Those that make a field another if they are there and nobody wrote them. (What an object was once given stays its own.) */
const telling: ReadonlySet<string> = new Set([
  'analyzer',
  'normalizer',
  'index',
  'doc_values',
  'enabled',
  'format',
  'null_value',
  'scaling_factor',
  'ignore_malformed',
  'ignore_above',
  'search_analyzer',
  'copy_to',
  'include_in_parent',
  'include_in_root',
]);

/** By parameter: the one whose value it has where it is left out. */
const following: Readonly<Record<string, string>> = {
  search_analyzer: 'analyzer',
  search_quote_analyzer: 'search_analyzer',
};

/** Whether leaving the parameter out of a field with these parameters says the same. */
export function isDefault(
  type: string,
  parameter: string,
  value: unknown,
  field: Readonly<Record<string, unknown>>,
): boolean {
  // `null` says nothing; `locale` is said in as many ways as there are versions.
  if (value === null || parameter === 'locale' || isEmpty(value)) return true;
  const followed = field[following[parameter] ?? ''];
  if (followed !== undefined) return comparable(value) === comparable(followed);
  return comparable(value) === (defaults[`${type}.${parameter}`] ?? defaults[parameter]);
}

export function isChangeable(parameter: string, to: unknown): boolean {
  // Norms can be given up, but not be had later.
  return changeable.has(parameter) || (parameter === 'norms' && comparable(to) === 'false');
}

export function isTelling(parameter: string): boolean {
  return telling.has(parameter);
}

/** Values that mean the same are the same text: numbers and booleans as text, one value as a list of one. */
export function comparable(value: unknown): string {
  if (Array.isArray(value)) {
    const texts = value.map((one: unknown) => comparable(one));
    return texts.length === 1 ? texts.join('') : `[${texts.join(',')}]`;
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
    return `{${entries.map(([key, inner]) => `${key}:${comparable(inner)}`).join(',')}}`;
  }
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return /^-?\d+\.\d+$/.test(text) ? String(Number(text)) : text;
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}
