/**
 * The format of a mapping file: one file is one document.
 */
import { z } from 'zod';
import { conversionNames, namedConversion } from '../convert/named.ts';
import { fieldName } from '../model/field-name.ts';
import type { FormName } from '../model/form.ts';
import { formNames, keyFormats } from '../model/form.ts';
import { maxEpoch } from '../model/position.ts';
import { isMasking, maskings } from './masking.ts';

/** Names that Elasticsearch takes for an index or alias, and that leave room for `-000001`. */
const indexName = z
  .string()
  .min(1)
  .max(200)
  .regex(
    /^[^A-Z\s"*+/\\|?#<>,:_.-][^A-Z\s"*/\\|?#<>,:]*$/,
    'must be lower case, start with a letter or digit, and have none of \\ / * ? " < > | # , : or spaces',
  );

const topic = z
  .string()
  .min(1)
  .refine((text) => !isPattern(text) || isExpression(text.slice(1, -1)), 'is not a regular expression between slashes')
  .describe('A topic, or a regular expression between slashes that must match a whole topic name');

const asNames = [...conversionNames, ...Object.keys(maskings)].join(', ');

/** For editors: the names, and those that take a number. */
const asSchemas = [
  { enum: [...conversionNames.filter((name) => !name.includes('(')), ...Object.keys(maskings)] },
  ...(conversionNames.some((name) => name.includes('(')) ? [{ pattern: '^\\w[\\w-]*\\(\\d+\\)$' }] : []),
];

const field = z
  .strictObject({
    from: z
      .string()
      .min(1)
      .optional()
      .describe(
        'The column that fills the field, or a place inside one (`column.inner`); the field’s own name if absent',
      ),
    as: z
      .string()
      .refine(
        (name) => namedConversion(name) !== undefined || isMasking(name),
        `is no conversion; there are ${asNames}`,
      )
      .optional()
      .meta({ description: `What is made of the value: ${asNames}`, anyOf: asSchemas }),
    value: z.json().optional().describe('A constant, instead of a column'),
    exclude: z.literal(true).optional().describe('Leaves the column out of the documents'),
    optional: z.literal(true).optional().describe('Rows may lack the column: Sluice neither waits for it nor warns'),
  })
  .refine(
    ({ from, as, exclude, value }) =>
      exclude === undefined || (from === undefined && as === undefined && value === undefined),
    'has `exclude` beside other keys: a column that is left out needs none',
  )
  .refine(
    ({ from, as, value }) => value === undefined || (from === undefined && as === undefined),
    'has `value` beside `from` or `as`: a constant is as it is',
  );

const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const bound = z.union([z.string(), z.number()]);

const condition = z.union([
  scalar,
  z.array(scalar).min(1),
  z.strictObject({
    not: z
      .union([scalar, z.array(scalar).min(1)])
      .optional()
      .describe('Anything but this, or but these'),
    gt: bound.optional().describe('Greater than'),
    gte: bound.optional().describe('Greater than or equal to'),
    lt: bound.optional().describe('Less than'),
    lte: bound.optional().describe('Less than or equal to'),
    matches: z
      .string()
      .refine(isExpression, 'is no regular expression')
      .optional()
      .describe('A regular expression that must be found in the text'),
  }),
]);

export type Condition = z.output<typeof condition>;

type Fields = Readonly<Record<string, z.output<typeof field>>>;

const epoch = z.int().min(0).max(maxEpoch);

/** Numbers as keys are in their order. */
function isRising(epochs: Readonly<Record<string, number>>): boolean {
  return Object.values(epochs).every((value, at, all) => at === 0 || value > (all[at - 1] ?? 0));
}

/** A field, and another that would have to be inside it, and is no column of that name. */
function outerField(fields: Fields): readonly [string, string] | undefined {
  const there = Object.entries(fields).filter(([, { exclude }]) => exclude !== true);
  for (const [outer] of there) {
    const inner = there.find(([name, { from, value }]) => {
      const isPath = name.startsWith(`${outer}.`) && fieldName(name) === name;
      return isPath && (from !== undefined || value !== undefined);
    });
    if (inner !== undefined) return [outer, inner[0]];
  }
  return undefined;
}

const json: z.ZodType<Readonly<Record<string, unknown>>> = z.record(z.string(), z.unknown());

export const documentDefinitionSchema = z.strictObject({
  document: indexName.describe(
    'The alias that people search; the index behind it is called <alias>-000001. With `${table}`, `${schema}` or `${topic}`, each topic has its own',
  ),
  from: z.union([topic, z.array(topic).min(1)]).describe('The topics whose rows become documents'),
  rowsStayInTopic: z
    .boolean()
    .optional()
    .describe(
      'States that the topics are parts of one table, that no id occurs in two of them, and that no row ever moves from one to another. Without this statement, an index that several topics make is refused, unless `id.topic` is set',
    ),
  form: z
    .enum(formNames)
    .default('auto')
    .describe('What the values of the topics are; `auto` recognises what tells itself'),
  key: z
    .enum(keyFormats)
    .optional()
    .describe(
      'What the keys of the topics are: `json` (or a frame of a schema registry), or plain `text`, as StringConverter writes them; `auto`, the default, takes for text what is no JSON, and refuses what may be either',
    ),
  outbox: z
    .strictObject({
      id: z
        .enum(['header', 'key'])
        .default('header')
        .describe('One document an event, named by a header; or one an aggregate, named by the record’s key'),
      idHeader: z.string().min(1).default('id').describe('The header that holds an event’s id'),
      headers: z
        .record(z.string().min(1), z.string().min(1))
        .default({})
        .describe('Fields made of headers: field: header'),
    })
    .prefault({})
    .describe('For the form `outbox`'),
  partial: z
    .strictObject({
      changed: z.string().min(1).optional().describe('The header that lists the columns which an update changed'),
      unchanged: z
        .string()
        .min(1)
        .optional()
        .describe('The header that lists the columns which an update did not change, and which the row may lack'),
    })
    .optional()
    .describe(
      'For flattened rows by ExtractChangedRecordState: `header.changed.name` and `header.unchanged.name` of that transform; if absent, headers whose names say `changed` or `unchanged`',
    ),
  select: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe('The columns that go in under their own names, beside those that `fields` names; all if absent'),
  fields: z
    .record(z.string(), field)
    .refine((fields) => outerField(fields) === undefined, {
      error: ({ input }) => {
        const names = outerField(input as Fields) ?? [];
        return `names "${names.join('" and "')}": a field cannot be a value and an object`;
      },
    })
    .default({})
    .describe(
      'Fields that are renamed, converted, constant or left out, `a.b` being the column of that name, or else the field b of the object a; all other columns go in under their own names',
    ),
  where: z
    .record(z.string().min(1), condition)
    .default({})
    .describe(
      'Only rows whose columns are so become documents; the document of a row that is not so any more is deleted',
    ),
  transform: z
    .string()
    .min(1)
    .optional()
    .describe('A module in JavaScript or TypeScript, relative to this file, that exports a function `transform`'),
  routing: z.string().min(1).optional().describe('The column whose value decides the shard'),
  onTruncate: z
    .enum(['refuse', 'ignore', 'delete'])
    .default('refuse')
    .describe(
      'When the table is truncated: a dead letter and a warning; nothing; or all its documents up to that position are deleted',
    ),
  id: z
    .strictObject({
      from: z
        .array(z.string().min(1))
        .min(1)
        .optional()
        .describe('The columns that name a document, instead of the record’s key'),
      topic: z
        .boolean()
        .optional()
        .describe('Puts the name of the topic in front of the id, so that rows of two topics never share a document'),
      deletesCarryKey: z
        .literal(true)
        .optional()
        .describe(
          'Every delete carries the row’s own key and columns, so that null, zero and empty texts in the key, `id.from` and `routing` are the row’s: for a table with REPLICA IDENTITY FULL that may hold them',
        ),
      overlong: z
        .enum(['reject', 'hash'])
        .default('reject')
        .describe(
          'What becomes of a row whose key makes an id of more than 512 bytes: a dead letter, or a digest as id',
        ),
    })
    .default({ overlong: 'reject' }),
  unavailableValue: z
    .string()
    .min(1)
    .default('__debezium_unavailable_value')
    .describe('The connector’s `unavailable.value.placeholder`: what stands where the database sent no value'),
  epoch: z
    .union([
      epoch,
      z
        .record(z.string().regex(/^\d+$/, 'is no number of a partition'), epoch)
        .refine((epochs) => '0' in epochs, 'has no epoch for partition 0')
        .refine(isRising, 'has an epoch that is not higher than that of the partitions before'),
    ])
    .default(0)
    .describe(
      'Raised by one when a topic was re-created, so that its new writes win; `{ 0: 0, 4: 1 }` gives the partitions from 4 on a higher one, when their number was raised from 4',
    ),
  index: z
    .strictObject({
      settings: json.default({}).describe('Passed to Elasticsearch when the index is created'),
      mappings: json.default({}).describe('Passed to Elasticsearch when the index is created'),
      apply: z
        .enum(['additive', 'never'])
        .default('additive')
        .describe(
          'What is done when the index lacks something that it can be given (a field, a subfield, a dynamic setting): it is given, at the start and when a column comes; or nothing',
        ),
      onChange: z
        .enum(['warn', 'rebuild'])
        .optional()
        .describe(
          'What is done when the index is not whole (a new document, a changed definition, an index that was deleted or restored): a warning that stays, or a rebuild by one of the instances; `index.onChange` of the configuration unless said',
        ),
    })
    .default({ settings: {}, mappings: {}, apply: 'additive' }),
});

export type DocumentDefinition = z.output<typeof documentDefinitionSchema>;

/** Whether an entry of `from` is a regular expression. */
export function isPattern(entry: string): boolean {
  return entry.length > 2 && entry.startsWith('/') && entry.endsWith('/');
}

/** The expression between the slashes, which must match a whole topic name. */
export function topicPattern(entry: string): RegExp {
  return new RegExp(`^(?:${entry.slice(1, -1)})$`);
}

function isExpression(text: string): boolean {
  try {
    new RegExp(text, 'u');
    return true;
  } catch {
    return false;
  }
}

/**
 * The definition of a topic for which there is no file: every column under its own name. In `template`, `${table}` stands
 * for the last part of the topic's name, `${schema}` for the part before it, and `${topic}` for the whole; what an index name may
 * not hold becomes `-`.
 */
export function unmappedDefinition(topicName: string, template: string, form: FormName = 'auto'): DocumentDefinition {
  return documentDefinitionSchema.parse({ document: indexNameOf(template, topicName), from: topicName, form });
}

/** Whether each topic of the definition has a document of its own. */
export function isTemplate({ document }: DocumentDefinition): boolean {
  return document.includes('${');
}

/** The definition as it is for one of its topics. */
export function ofTopic(definition: DocumentDefinition, topicName: string): DocumentDefinition {
  return { ...definition, document: indexNameOf(definition.document, topicName), from: topicName };
}

/** The index name that `template` makes of a topic. */
export function indexNameOf(template: string, topicName: string): string {
  const [table = '', schema = ''] = topicName.split('.').reverse();
  const values: Readonly<Record<string, string>> = { table, schema, topic: topicName };
  // In one step: a value may hold what looks like another name.
  const name = template.replaceAll(/\$\{(table|schema|topic)\}/g, (_, part: string) => values[part] ?? '');
  const legal = name.toLowerCase().replaceAll(/[\s"*/\\|?#<>,:]/g, '-');
  return legal.replace(/^[-_+.]+/, '') || 'unnamed';
}
