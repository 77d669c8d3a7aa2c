/**
 * Whether writes may go into an index as it is: pure.
 */
import type { IndexDefinition } from '../../model/document.ts';
import type { Failure } from '../../model/outcome.ts';
import { durationMs, flatSettings, settingText } from '../../model/index-settings.ts';
import type { Drift } from './drift.ts';
import { differencesText } from '../../model/difference.ts';
import { drift } from './drift.ts';
import { comparable } from './field-parameters.ts';
import type { Seen } from './live-index.ts';

export interface Judgement {
  /** Why no write may go into it. */
  readonly failure: Failure | undefined;
  /** What it lacks and can be given. */
  readonly additive: Drift['additive'];
  /** What someone should look at. */
  readonly warnings: readonly Failure[];
}

/** Of an index that is known to be behind its alias. */
export function judged(definition: IndexDefinition, seen: Seen): Judgement {
  const { additive, incompatible } = drift(definition, seen.live);
  const written = incompatible.filter(({ isInferred }) => isInferred !== true);
  const inferred = incompatible.filter(({ isInferred }) => isInferred === true);
  const differences = written.length > 0 ? written : strictlyMissing(definition, seen, additive);
  const failure =
    notOurs(definition.alias, seen) ??
    notOurVersions(definition, seen) ??
    (differences.length > 0 ? incompatibility(seen.generation.index, differencesText(differences)) : undefined);
  return { failure, additive, warnings: [...gcDeletesWarning(definition, seen), ...retyped(seen, inferred)] };
}

/**
 * A column got another type. Its field stays as it is: most values still fit (a bigint that is an integer, a number as text), and a
 * document that does not is a dead letter of its own, while all others go on (G6).
 */
function retyped({ generation: { index } }: Seen, inferred: Drift['incompatible']): readonly Failure[] {
  if (inferred.length === 0) return [];
  const message = `Columns have other types than the fields of ${index}: ${differencesText(inferred)}. Values that still fit are taken.`;
  return [{ code: 'COLUMN_RETYPED', message }];
}

export function incompatibility(index: string, seen: string): Failure {
  return { code: 'INDEX_INCOMPATIBLE', message: `The index ${index} is not as it should be: ${seen}.` };
}

function notOurs(alias: string, { generation: { index, meta } }: Seen): Failure | undefined {
  if (meta?.document === alias) return undefined;
  const what = meta === undefined ? 'was not made by Sluice' : `holds the documents of "${meta.document}"`;
  return { code: 'INDEX_NOT_ADOPTED', message: `The index ${index}, which the alias "${alias}" names, ${what}.` };
}

function notOurVersions({ epoch = 0, alias }: IndexDefinition, { generation }: Seen): Failure | undefined {
  const { index, meta } = generation;
  if (meta === undefined) return undefined;
  if (meta.versions !== 'offset') {
    const seen = `its documents have versions made of "${meta.versions}", should be "offset"`;
    return incompatibility(index, seen);
  }
  if (meta.epoch <= epoch) return undefined;
  const message = `The epoch of "${alias}" is ${epoch}, but ${index} was written with epoch ${meta.epoch}.`;
  return { code: 'EPOCH_LOWERED', message };
}

/** What is missing where nothing may be added, and documents with anything more are refused. */
function strictlyMissing(
  { apply }: IndexDefinition,
  { live }: Seen,
  { differences }: Drift['additive'],
): Drift['incompatible'] {
  if (apply !== 'never' || comparable(live.mappings['dynamic'] ?? true) !== 'strict') return [];
  return differences.filter(({ is }) => is === 'missing');
}

/** Where the file says how long, that is a setting like any other. */
function gcDeletesWarning(
  { settings, unwritten = [] }: IndexDefinition,
  { generation, live }: Seen,
): readonly Failure[] {
  const name = 'index.gc_deletes';
  const ours = settingText(flatSettings(settings)[name] ?? '60s');
  const theirs = settingText(live.settings[name] ?? '60s');
  const [oursMs = 0, theirsMs = 0] = [durationMs(ours), durationMs(theirs)];
  if (!unwritten.includes(name) || theirsMs >= oursMs) return [];
  const message = `The index ${generation.index} forgets deleted documents after ${theirs}, sooner than after ${ours}.`;
  return [{ code: 'GC_DELETES_SHORT', message }];
}
