/**
 * A definition, compiled: row change → document write. What can be decided once for rows with the same columns and schema is
 * decided once (a *plan*); what is left per row is to copy text and to convert the columns that need it.
 */
import { namedConversion } from '../convert/named.ts';
import { conversionOf } from '../convert/types.ts';
import type { Convert, Edit, Patch, Row, RowSchema, Upsert } from '../model/change-event.ts';
import type { Form } from '../model/form.ts';
import type { DocumentMapper, IndexDefinition, Mapped } from '../model/document.ts';
import type { Failure } from '../model/outcome.ts';
import type { Path, Step } from '../model/partial-document.ts';
import { isWhole } from '../model/partial-document.ts';
import { externalVersion } from '../model/position.ts';
import { placeText } from '../model/record.ts';
import type { DocumentDefinition } from './definition.ts';
import { isPattern, topicPattern } from './definition.ts';
import { documentId } from './document-id.ts';
import { defineIndex, fieldsOf } from './infer.ts';
import { placeholderOf } from './placeholder.ts';

export interface CompiledDocument {
  /** The alias. */
  readonly document: string;
  /** Topics that the definition names. */
  readonly topics: readonly string[];
  /** Topics that it describes. */
  readonly patterns: readonly RegExp[];
  /** What the values of its topics are. */
  readonly form: Form;
  matches(topic: string): boolean;
  /** A mapper for the rows of one topic; it remembers the schemas that it meets. */
  createMapper(): DocumentMapper;
  /** The index as the definition and the schemas met so far make it. */
  indexDefinition(): IndexDefinition;
}

export function compileDocument(definition: DocumentDefinition): CompiledDocument {
  const entries = typeof definition.from === 'string' ? [definition.from] : definition.from;
  const topics = entries.filter((entry) => !isPattern(entry));
  const patterns = entries.filter(isPattern).map(topicPattern);
  const schemas = new Set<RowSchema>();
  return {
    document: definition.document,
    topics,
    patterns,
    form: { name: definition.form, outbox: definition.outbox },
    matches: (topic) => topics.includes(topic) || patterns.some((pattern) => pattern.test(topic)),
    createMapper: () => createMapper(definition, schemas),
    indexDefinition: () => defineIndex(definition, [...schemas]),
  };
}

/** What is done with rows of certain columns and schema. */
interface Plan {
  readonly schema: RowSchema | undefined;
  /** Columns that change or go on their way, ascending; all others are copied with the text around them. */
  readonly columns: readonly number[];
  readonly edits: readonly Edit[];
  /** All fields, for rows that cannot be copied so: fields that are renamed or withheld. */
  readonly fields: readonly {
    readonly name: string;
    readonly token: string;
    readonly column: number;
    readonly convert: Convert | undefined;
  }[];
  /** Every field has its column's name, and they come in the columns' order. */
  readonly keepsOrder: boolean;
}

function createMapper(definition: DocumentDefinition, schemas: Set<RowSchema>): DocumentMapper {
  const { document: index, epoch, id: idOptions } = definition;
  const placeholder = placeholderOf(definition.unavailableValue);
  const rowPlan = planned((row) => {
    if (row.schema !== undefined) schemas.add(row.schema);
    return planRow(definition, row);
  });
  const keyPlan = planned(planKey);

  /** A row of which something is missing, or may be; the number of a column that cannot be converted instead. */
  const partial = ({ after, otherKey, patch }: Upsert, { fields }: Plan): Step | number => {
    const withheld: Path[] = [];
    const source = assembled(after, fields, (text, name) => {
      const isWithheld = placeholder.matches(text);
      if (isWithheld) withheld.push([name]);
      return isWithheld;
    });
    if (typeof source === 'number') return source;
    const formerId = otherKey && documentId(otherKey, keyPlan(otherKey).converts, idOptions);
    return {
      source: Buffer.from(source),
      withheld,
      ...(patch !== undefined && { patch: renamed(definition, patch) }),
      ...(typeof formerId === 'string' && withheld.length > 0 && { formerId }),
    };
  };

  const refuse = (failure: Failure, place: string): Mapped => ({
    kind: 'refused',
    failure: { ...failure, message: `${place}: ${failure.message}` },
  });

  return (change) => {
    const { record, key } = change;
    if (key === null) {
      return refuse({ code: 'RECORD_KEY_MISSING', message: 'The record has no key.' }, placeText(record));
    }
    const id = documentId(key, keyPlan(key).converts, idOptions);
    if (typeof id !== 'string') return refuse(id, placeText(record));
    const version = externalVersion(epoch, record.offset);
    // The first record of a topic may be a delete; its index must know the columns all the same.
    if (change.op === 'delete' && change.before?.schema !== undefined) schemas.add(change.before.schema);
    if (change.op === 'delete') {
      const bequeaths = change.otherKey === undefined ? {} : { bequeaths: [] };
      return { kind: 'write', write: { action: 'delete', index, id, version, ...bequeaths } };
    }
    const plan = rowPlan(change.after);
    const whole = change.after.json();
    const mayLack = change.patch !== undefined || placeholder.mayBeIn(whole);
    const built = mayLack ? partial(change, plan) : sourceOf(change.after, whole, plan);
    if (typeof built === 'number') {
      const message = `Column «${change.after.columns[built] ?? ''}» does not hold what its type or \`as\` promises.`;
      return refuse({ code: 'VALUE_NOT_CONVERTIBLE', message }, placeText(record));
    }
    if (typeof built === 'string') {
      return { kind: 'write', write: { action: 'index', index, id, version, source: Buffer.from(built) } };
    }
    const { source } = built;
    const steps = isWhole(built) ? {} : { steps: [built] };
    return { kind: 'write', write: { action: 'index', index, id, version, source, ...steps } };
  };
}

/** Plans are made once for rows with the identical `columns` array and schema. */
function planned<P extends { readonly schema: RowSchema | undefined }>(plan: (row: Row) => P): (row: Row) => P {
  const plans = new Map<readonly string[], P>();
  let lastColumns: readonly string[] | undefined;
  let last: P | undefined;
  return (row) => {
    const { columns, schema } = row;
    if (columns === lastColumns && last !== undefined && last.schema === schema) return last;
    let found = plans.get(columns);
    if (found?.schema !== schema || found === undefined) plans.set(columns, (found = plan(row)));
    lastColumns = columns;
    last = found;
    return found;
  };
}

function planRow(definition: DocumentDefinition, { columns, schema, marker }: Row): Plan {
  const values = marker === undefined ? columns : columns.filter((name) => name !== marker);
  const fields = fieldsOf(definition, values).map(({ name, from, as }) => {
    const column = schema?.columns.find((candidate) => candidate.name === from);
    const conversion = as === undefined ? column && conversionOf(column) : namedConversion(as);
    return { name, token: `${JSON.stringify(name)}:`, column: columns.indexOf(from), convert: conversion?.convert };
  });
  const edited = columns.flatMap((_, column) => {
    const field = fields.find((candidate) => candidate.column === column);
    const edit: Edit | undefined = field === undefined ? 'drop' : field.convert;
    return edit === undefined ? [] : [{ column, edit }];
  });
  return {
    schema,
    columns: edited.map(({ column }) => column),
    edits: edited.map(({ edit }) => edit),
    fields,
    keepsOrder: fields.every(
      ({ name, column }, at) => name === columns[column] && column > (fields[at - 1]?.column ?? -1),
    ),
  };
}

function planKey({ schema, columns }: Row) {
  const converts = columns.map((name) => {
    const column = schema?.columns.find((candidate) => candidate.name === name);
    return column && conversionOf(column).convert;
  });
  return { schema, converts };
}

/** A patch of the row as a patch of the document. */
function renamed(definition: DocumentDefinition, { set, removed, truncated }: Patch): Patch {
  const inDocument = (path: Path): readonly Path[] =>
    fieldsOf(definition, path.slice(0, 1)).map(({ name }) => [name, ...path.slice(1)]);
  return {
    set: set.flatMap(({ path, text }) => inDocument(path).map((found) => ({ path: found, text }))),
    removed: removed.flatMap(inDocument),
    truncated: truncated.flatMap(({ path, size }) => inDocument(path).map((found) => ({ path: found, size }))),
  };
}

/** The document's text; the number of a column that cannot be converted instead. */
function sourceOf(row: Row, whole: string, plan: Plan): string | number {
  if (!plan.keepsOrder) return assembled(row, plan.fields);
  return plan.columns.length === 0 ? whole : row.rewritten(plan.columns, plan.edits);
}

/** Field by field, but for those that `leaveOut` names. */
function assembled(
  row: Row,
  fields: Plan['fields'],
  leaveOut?: (text: string, name: string) => boolean,
): string | number {
  let out = '{';
  for (const { token, name, column, convert } of fields) {
    const text = row.text(column);
    if (leaveOut?.(text, name) === true) continue;
    const value = convert === undefined ? text : convert(text);
    if (value === undefined) return column;
    out += out.length === 1 ? token + value : `,${token}${value}`;
  }
  return `${out}}`;
}
