/**
 * What tells a live index from its definition: what can be added to it, and what only another index can have.
 *
 * Compared is what is meant, not what is written. An index may have more than its definition asks for (fields of columns that
 * are gone, fields that the server found itself, settings that someone made): that is no drift.
 */
import type { IndexDefinition } from '../../model/document.ts';
import { isWider } from '../../model/field-width.ts';
import type { Difference } from '../../model/difference.ts';
import { comparable, isChangeable, isDefault, isTelling } from './field-parameters.ts';
import type { Field } from './field-types.ts';
import { standsInFor } from './field-types.ts';
import { asObject, digestOf, isObject, metaIn } from './generation-meta.ts';
import { settingsDrift } from './settings-drift.ts';

/** An index as a server says it, its settings flat. */
export interface LiveIndex {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly mappings: Readonly<Record<string, unknown>>;
}

export interface Drift {
  /** What the server lets be added to the index as it is. */
  readonly additive: {
    readonly differences: readonly Difference[];
    /** What is to be put into the mapping; undefined if nothing. */
    readonly mappings: Field | undefined;
    /** By full names; undefined if nothing is to be changed. */
    readonly settings: Readonly<Record<string, unknown>> | undefined;
  };
  /** What asks for a new index. */
  readonly incompatible: readonly Difference[];
}

export function drift(definition: IndexDefinition, live: LiveIndex): Drift {
  const found: Found = { additive: [], incompatible: [] };
  const context: Context = {
    found,
    inferred: new Set(definition.inferred),
    unwritten: new Set(definition.unwritten),
    // What is asked for is what the index was made of: where the server says nothing, it means just that.
    isSame: metaIn(live.mappings)?.definition === digestOf(definition),
  };
  const mappings = rootDrift(definition.mappings, live.mappings, context);
  const settings = settingsDrift(definition, live.settings, context);
  return {
    additive: { differences: found.additive, mappings, settings },
    incompatible: found.incompatible,
  };
}

interface Found {
  readonly additive: Difference[];
  readonly incompatible: Difference[];
}

export interface Context {
  readonly found: Found;
  readonly inferred: ReadonlySet<string>;
  readonly unwritten: ReadonlySet<string>;
  readonly isSame: boolean;
}

function rootDrift(
  { properties: askedProperties, _meta: askedMeta, ...asked }: Field,
  { properties: liveProperties, _meta: liveMeta, ...live }: Field,
  context: Context,
): Field | undefined {
  const written = Object.fromEntries(
    Object.entries(asked).filter(
      ([name]) => !context.unwritten.has(name) || (name === 'dynamic_templates' && guesses(live)),
    ),
  );
  const changes = changedParameters('', 'mapping', written, live, context);
  const meta = metaDrift(asObject(askedMeta), asObject(liveMeta), context);
  const expanded = asked['subobjects'] === false ? asObject(askedProperties) : expandedProperties(askedProperties);
  const properties = propertiesDrift('', expanded, asObject(liveProperties), context);
  if (Object.keys(changes).length === 0 && meta === undefined && properties === undefined) return undefined;
  return { ...changes, ...(meta && { _meta: meta }), ...(properties && { properties }) };
}

/** Whether a server makes the fields of this index by its own rules: it was made before Sluice gave it better ones. */
function guesses({ dynamic = true, dynamic_templates: templates }: Field): boolean {
  return comparable(dynamic) === 'true' && templates === undefined;
}

/** What people wrote into `_meta` beside ours; the server takes it as a whole. */
function metaDrift(asked: Field, live: Field, { found }: Context): Field | undefined {
  const different = Object.entries(asked).filter(
    ([key, value]) => key !== 'sluice' && comparable(value) !== comparable(live[key] ?? null),
  );
  if (different.length === 0) return undefined;
  for (const [key, value] of different) found.additive.push(difference(`_meta "${key}"`, live[key], value));
  return { ...live, ...asked, ...('sluice' in live && { sluice: live['sluice'] }) };
}

/** Fields that are to be put, by name; undefined if none is. */
function propertiesDrift(
  prefix: string,
  asked: Field,
  live: Field,
  context: Context,
  kind: 'field' | 'subfield' = 'field',
): Field | undefined {
  const patch: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(asked)) {
    if (!isObject(field)) continue;
    const path = prefix === '' ? name : `${prefix}.${name}`;
    const there = live[name];
    if (!isObject(there)) {
      context.found.additive.push({ what: `${kind} "${path}"`, is: 'missing', should: typeOf(field) });
      patch[name] = field;
      continue;
    }
    const change = fieldDrift(path, field, there, context);
    if (change !== undefined) patch[name] = change;
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}

/** The field as it is to be put, whole but for the fields inside it; undefined if it is as it should be. */
function fieldDrift(path: string, asked: Field, live: Field, context: Context): Field | undefined {
  const isInferred = isInferredField(path, context);
  const [type, liveType] = [typeOf(asked), typeOf(live)];
  if (type !== liveType) {
    // Nobody asked for this very type: one that takes the same values, if need be less well searched, is as good.
    if (isInferred && (standsInFor(asked, liveType) || isWider(liveType, type))) return undefined;
    const told = { what: `field "${path}"`, is: liveType, should: type };
    context.found.incompatible.push(isInferred ? { ...told, isInferred } : told);
    return undefined;
  }
  const { properties: askedProperties, fields: askedFields } = asked;
  const { properties: liveProperties, fields: liveFields } = live;
  const liveParameters = parametersOf(live);
  const changes = changedParameters(path, type, parametersOf(asked), liveParameters, context, isInferred);
  const isFlat = comparable(asked['subobjects'] ?? true) === 'false';
  const inside = isFlat ? asObject(askedProperties) : expandedProperties(askedProperties);
  const properties = propertiesDrift(path, inside, asObject(liveProperties), context);
  const fields = propertiesDrift(path, asObject(askedFields), asObject(liveFields), context, 'subfield');
  if (!isInferred) removedSubfields(path, asObject(askedFields), asObject(liveFields), context);
  if (Object.keys(changes).length === 0 && properties === undefined && fields === undefined) return undefined;
  // What is not said again would be the default again, or refused.
  const kept = Object.entries({ ...liveParameters, ...changes }).filter(([, value]) => value !== undefined);
  return {
    ...('type' in live && { type: liveType }),
    ...Object.fromEntries(kept),
    ...(properties && { properties }),
    ...((fields !== undefined || isObject(liveFields)) && { fields: { ...asObject(liveFields), ...fields } }),
  };
}

function removedSubfields(path: string, asked: Field, live: Field, { found }: Context): void {
  for (const [name, field] of Object.entries(live)) {
    if (name in asked) continue;
    found.incompatible.push({ what: `subfield "${path}.${name}"`, is: typeOf(asObject(field)), should: 'none' });
  }
}

/** Parameters that are to be changed; undefined is one that is to be left out again. */
function changedParameters(
  path: string,
  type: string,
  asked: Field,
  live: Field,
  context: Context,
  isInferred = false,
): Readonly<Record<string, unknown>> {
  const changes: Record<string, unknown> = {};
  const differ = (name: string, to: unknown): void => {
    const what = path === '' ? `\`${name}\` of the mapping` : `\`${name}\` of field "${path}"`;
    const isLater = isChangeable(name, to);
    const told = difference(what, live[name], to);
    if (isLater) context.found.additive.push(told);
    else context.found.incompatible.push(isInferred ? { ...told, isInferred } : told);
    if (isLater) changes[name] = to;
  };
  for (const [name, value] of Object.entries(asked)) {
    const there = live[name];
    const isSame =
      there === undefined
        ? context.isSame || isDefault(type, name, value, asked)
        : comparable(there) === comparable(value) ||
          (isDefault(type, name, value, asked) && isDefault(type, name, there, live));
    if (!isSame) differ(name, value);
  }
  if (isInferred || path === '') return changes;
  for (const [name, value] of Object.entries(live)) {
    if (name in asked || !isTelling(name) || isDefault(type, name, value, live)) continue;
    // What a server says without having been asked, it said when it made the field.
    if (!context.isSame) differ(name, undefined);
  }
  return changes;
}

function difference(what: string, is: unknown, should: unknown): Difference {
  const text = (value: unknown): string =>
    value === undefined || value === null ? 'not set' : shortened(comparable(value));
  return { what, is: text(is), should: text(should) };
}

/** Templates are pages; the first words tell which they are. */
const shortened = (text: string): string => (text.length > 120 ? `${text.slice(0, 120)}…` : text);

/** What a field is beside its type and the fields in it. */
function parametersOf(field: Field): Field {
  const others = Object.entries(field).filter(
    ([name]) => name !== 'type' && name !== 'properties' && name !== 'fields',
  );
  return Object.fromEntries(others);
}

function typeOf({ type }: Field): string {
  return typeof type === 'string' ? type : 'object';
}

/** Whether nobody wrote this field or one that it is in. */
function isInferredField(path: string, { inferred }: Context): boolean {
  if (inferred.size === 0) return false;
  for (let end = path.length; end > 0; end = path.lastIndexOf('.', end - 1)) {
    if (inferred.has(path.slice(0, end))) return true;
  }
  return false;
}

/** `a.b` is the field `b` of the object `a`. */
function expandedProperties(properties: unknown): Field {
  const expanded: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(asObject(properties))) {
    const dot = name.indexOf('.');
    const outer = dot === -1 ? name : name.slice(0, dot);
    const there = asObject(expanded[outer]);
    if (dot === -1) {
      const inside = { ...asObject(there['properties']), ...asObject(asObject(field)['properties']) };
      const isWithin = isObject(expanded[outer]) && Object.keys(inside).length > 0;
      expanded[outer] = isWithin ? { ...asObject(field), properties: inside } : field;
    } else {
      const inside = { ...asObject(there['properties']), [name.slice(dot + 1)]: field };
      expanded[outer] = { ...there, properties: inside };
    }
  }
  return expanded;
}
