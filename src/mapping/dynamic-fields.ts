/**
 * The index of rows that carry no schema: Elasticsearch makes a field when its first value comes, and these rules, not the order
 * in which values come, decide what it is (docs/decisions/0042-field-names.md).
 *
 * Whatever comes first, the values of a field are terms of its `keyword`, each with all its digits. The field itself is for
 * ranges, sorting and search: a number is a `double`, since a `long` would refuse the fractions that come later, and every number
 * that fits a `long` fits a `double` as well as one can compare it. What a field cannot take is ignored (`ignore_malformed`), stays
 * in `_source`, and is counted by `_ignored`; except an object where a value was, or a value where an object was, which costs
 * the document: a dead letter that names the field.
 */
import type { FieldMapping } from '../convert/types.ts';
import type { Row } from '../model/change-event.ts';

const keyword: FieldMapping = { type: 'keyword', ignore_above: 256 };

/** A number of a row without a schema. `coerce: false`: a number in a string is text, as it is in a field that began with one. */
export const dynamicNumber: FieldMapping = {
  type: 'double',
  ignore_malformed: true,
  coerce: false,
  fields: { keyword },
};

/** For each kind of JSON value the field that it makes. */
const templates: readonly (readonly [kind: string, mapping: FieldMapping])[] = [
  ['long', dynamicNumber],
  ['double', dynamicNumber],
  ['boolean', { type: 'boolean', ignore_malformed: true, fields: { keyword } }],
  ['string', { type: 'text', fields: { keyword } }],
];

/** What nobody wrote of the mapping of rows without a schema. */
export const dynamicMapping = {
  date_detection: false,
  numeric_detection: false,
  dynamic_templates: templates.map(([kind, mapping]) => ({
    [`sluice_${kind}`]: { match_mapping_type: kind, mapping },
  })),
};

export const fieldLimitSetting = 'index.mapping.total_fields.limit';

/** Elasticsearch's own. */
const defaultLimit = 1000;
/** For columns that come later. */
const headRoom = 500;

/**
 * How many fields the index must be able to have; undefined where Elasticsearch's own limit leaves room. `columns` are those of
 * rows without a schema, each of which makes a field and its `keyword`.
 */
export function fieldLimit(fields: number, columns: number): number | undefined {
  const needed = fields + 2 * columns + headRoom;
  return needed <= defaultLimit ? undefined : Math.ceil(needed / 1000) * 1000;
}

/** As Elasticsearch counts: every field, every object, every subfield. */
export function countFields(properties: unknown): number {
  let count = 0;
  for (const [name, field] of Object.entries(asObject(properties))) {
    const { properties: inside, fields } = asObject(field);
    count += name.split('.').length + countFields(inside) + countFields(fields);
  }
  return count;
}

const asObject = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};

/** A column of rows without a schema that has had no value yet by which Elasticsearch makes its field. */
export interface Undecided {
  readonly column: number;
  readonly field: string;
}

/** Nothing by which a field is made. */
const nothing = /^(?:null|\[(?:[\s,[\]]|null)*\])$/;
/** What JSON can only write as a string, of numbers, as a value or as the first of many. */
const noNumber = /^(?:\[(?:[\s,[]|null)*)?"(?:NaN|-?Infinity)"/;

/**
 * Takes those columns from `undecided` that have a value in this row, and tells which of them are numbers that do not look like
 * one: Elasticsearch would take them for text. After the first rows of a table, nothing is left to be looked at.
 */
export function decide(row: Row, undecided: Undecided[], isNumber: (field: string) => void): void {
  for (let at = undecided.length - 1; at >= 0; at -= 1) {
    const { column, field } = undecided[at] ?? { column: -1, field: '' };
    const text = row.text(column);
    if (nothing.test(text)) continue;
    if (noNumber.test(text)) isNumber(field);
    undecided.splice(at, 1);
  }
}
