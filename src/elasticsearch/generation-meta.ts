/**
 * `_meta.sluice` of a mapping: read, and made.
 */
import { createHash } from 'node:crypto';
import type { IndexDefinition } from '../model/document.ts';
import type { GenerationMeta } from '../model/generation.ts';
import type { Replacement } from './field-types.ts';

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
  };
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
