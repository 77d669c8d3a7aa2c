/**
 * `_meta.sluice` of a mapping: read, and made.
 */
import { createHash } from 'node:crypto';
import type { IndexDefinition } from '../../model/document.ts';
import type { GenerationMeta } from '../../model/generation.ts';
import type { Began, IndexOrigin } from '../../model/index-origin.ts';
import type { Replacement } from '../../documents/ports.ts';

type Mappings = Readonly<Record<string, unknown>>;

/** Says what was asked for; the same for the same definition, whichever server the index is on. */
export function digestOf({ settings, mappings }: IndexDefinition): string {
  return createHash('sha256').update(JSON.stringify({ settings, mappings })).digest('hex');
}

export function metaOf(
  definition: IndexDefinition,
  createdBy: string,
  replaced: readonly Replacement[],
  loading: GenerationMeta['loading'],
): GenerationMeta {
  return {
    document: definition.alias,
    definition: digestOf(definition),
    createdBy,
    epoch: definition.epoch ?? 0,
    versions: 'offset',
    ...(replaced.length > 0 && { standIns: Object.fromEntries(replaced.map(({ field, type }) => [field, type])) }),
    ...(definition.renamed && { renamed: definition.renamed }),
    ...(loading && { loading }),
    ...definition.origin,
  };
}

/** A mapping's `_meta` with ours in it, beside what the user's is; what else we noted there (`topics`) stays. */
export function withMeta(mappings: Mappings, meta: GenerationMeta): Mappings {
  const before = asObject(mappings['_meta']);
  return { ...before, sluice: { ...asObject(before['sluice']), ...meta } };
}

/** Undefined if there is none. What an earlier version did not write yet is as it was then. */
export function metaIn(mappings: unknown): GenerationMeta | undefined {
  const meta = asObject(asObject(asObject(mappings)['_meta'])['sluice']);
  const { document, definition, createdBy, epoch, versions, standIns, renamed, loading } = meta;
  if (typeof document !== 'string') return undefined;
  return {
    document,
    definition: typeof definition === 'string' ? definition : '',
    createdBy: typeof createdBy === 'string' ? createdBy : '',
    epoch: typeof epoch === 'number' ? epoch : 0,
    versions: typeof versions === 'string' ? versions : 'offset',
    ...(standIns !== undefined && { standIns: texts(standIns) }),
    ...(renamed !== undefined && { renamed: texts(renamed) }),
    ...(loading !== undefined && { loading: texts(loading) }),
    ...originOf(meta),
  };
}

/** What `_meta.sluice` says of how the documents came into the index; undefined if it does not say. */
export function originOf({ contents, identity, began }: Mappings): IndexOrigin | undefined {
  if (!Array.isArray(contents)) return undefined;
  return {
    contents: contents.map(String),
    ...(typeof identity === 'string' && { identity }),
    began: beganIn(began),
  };
}

/**
 * Which index it is, by its settings under their full names: a restore gives another UUID to a new index, and another history to
 * one that was there.
 */
export function identityOf(settings: Mappings): string {
  return [settings['index.uuid'], settings['index.history.uuid']].filter((part) => typeof part === 'string').join('/');
}

function beganIn(began: unknown): Began {
  return Object.fromEntries(
    Object.entries(asObject(began)).map(([topic, partitions]) => [
      topic,
      Object.fromEntries(Object.entries(asObject(partitions)).map(([partition, first]) => [partition, Number(first)])),
    ]),
  );
}

function texts(value: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(asObject(value)).map(([key, text]) => [key, String(text)]));
}

export function asObject(value: unknown): Readonly<Record<string, unknown>> {
  return isObject(value) ? value : {};
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
