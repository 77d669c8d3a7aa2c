/**
 * The settings of an index that are not as they were asked for. Settings that nobody asked for are whose they are.
 */
import type { IndexDefinition } from '../../model/document.ts';
import { durationMs, flatSettings, settingText } from '../../model/index-settings.ts';
import type { Difference } from '../../model/difference.ts';

type Settings = Readonly<Record<string, unknown>>;

/** Fixed when an index is made; of all others the server judges. */
const fixed =
  /^index\.(?:number_of_shards|number_of_routing_shards|routing_partition_size|codec|mode|knn|store\.|sort\.|analysis\.|similarity\.|soft_deletes\.|time_series\.|mapping\.(?:coerce|ignore_malformed)$|shard\.check_on_startup|version\.|replication\.)/;

const defaults: Settings = {
  'index.number_of_shards': '1',
  'index.number_of_replicas': '1',
  'index.refresh_interval': '1s',
  'index.gc_deletes': '60s',
  'index.auto_expand_replicas': 'false',
  'index.codec': 'default',
  'index.mode': 'standard',
  'index.max_result_window': '10000',
  'index.mapping.total_fields.limit': '1000',
  'index.mapping.coerce': 'true',
  'index.mapping.ignore_malformed': 'false',
  'index.translog.durability': 'REQUEST',
};

interface Context {
  readonly found: { readonly additive: Difference[]; readonly incompatible: Difference[] };
  readonly unwritten: ReadonlySet<string>;
  readonly isSame: boolean;
}

/** The settings that are to be changed, by full names; undefined if none is. `live` is flat. */
export function settingsDrift(
  { settings }: Pick<IndexDefinition, 'settings'>,
  live: Settings,
  { found, unwritten, isSame }: Context,
): Settings | undefined {
  const changes: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(flatSettings(settings))) {
    const there = live[name];
    if (unwritten.has(name) && !isTooLow(name, there, value)) continue;
    const should = value ?? defaults[name];
    const isThere = there ?? defaults[name];
    if (isThere === undefined ? should === undefined || (isSame && fixed.test(name)) : meansSame(isThere, should))
      continue;
    const difference = {
      what: `setting "${name}"`,
      is: isThere === undefined ? 'not set' : settingText(isThere),
      should: should === undefined ? 'not set' : settingText(should),
    };
    if (fixed.test(name)) {
      found.incompatible.push(difference);
    } else {
      found.additive.push(difference);
      changes[name] = value;
    }
  }
  return Object.keys(changes).length === 0 ? undefined : changes;
}

/** Whether the index cannot have all fields that it needs. A limit that someone raised further stays. */
function isTooLow(name: string, there: unknown, needed: unknown): boolean {
  return name === 'index.mapping.total_fields.limit' && Number(there ?? defaults[name]) < Number(needed);
}

/** `1h` is `60m`, `"1"` is 1, `["a"]` is `a`. */
function meansSame(one: unknown, other: unknown): boolean {
  if (other === undefined) return false;
  const [first, second] = [settingText(single(one)), settingText(single(other))];
  if (first.toLowerCase() === second.toLowerCase()) return true;
  const [firstMs, secondMs] = [durationMs(first), durationMs(second)];
  return firstMs !== undefined && firstMs === secondMs;
}

function single(value: unknown): unknown {
  return Array.isArray(value) && value.length === 1 ? value[0] : value;
}
