/**
 * The format of a mapping file: one file is one document.
 */
import { z } from 'zod';
import { conversionNames, namedConversion } from '../convert/named.ts';
import type { FormName } from '../model/form.ts';
import { formNames } from '../model/form.ts';
import { maxEpoch } from '../model/position.ts';

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
  .refine((text) => !isPattern(text) || compiles(text), 'is not a regular expression between slashes')
  .describe('A topic, or a regular expression between slashes that must match a whole topic name');

const field = z
  .strictObject({
    from: z.string().min(1).optional().describe('The column that fills the field; the field’s own name if absent'),
    as: z
      .string()
      .refine(
        (name) => namedConversion(name) !== undefined,
        `is no conversion; there are ${conversionNames.join(', ')}`,
      )
      .optional()
      .describe(`What is made of the value: ${conversionNames.join(', ')}`),
    exclude: z.literal(true).optional().describe('Leaves the column out of the documents'),
  })
  .refine(
    ({ from, as, exclude }) => exclude === undefined || (from === undefined && as === undefined),
    'has `exclude` beside `from` or `as`: a column that is left out needs neither',
  );

const json: z.ZodType<Readonly<Record<string, unknown>>> = z.record(z.string(), z.unknown());

export const documentDefinitionSchema = z.strictObject({
  document: indexName.describe('The alias that people search; the index behind it is called <alias>-000001'),
  from: z.union([topic, z.array(topic).min(1)]).describe('The topics whose rows become documents'),
  form: z
    .enum(formNames)
    .default('auto')
    .describe('What the values of the topics are; `auto` recognises what tells itself'),
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
  fields: z
    .record(z.string().min(1), field)
    .default({})
    .describe('Fields that are renamed, converted or left out; all other columns go in under their own names'),
  id: z
    .strictObject({
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
    .int()
    .min(0)
    .max(maxEpoch)
    .default(0)
    .describe(
      'Raised by one when a topic was re-created or its keys moved between partitions, so that its new writes win',
    ),
  index: z
    .strictObject({
      settings: json.default({}).describe('Passed to Elasticsearch when the index is created'),
      mappings: json.default({}).describe('Passed to Elasticsearch when the index is created'),
    })
    .default({ settings: {}, mappings: {} }),
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

function compiles(entry: string): boolean {
  try {
    topicPattern(entry);
    return true;
  } catch {
    return false;
  }
}

/**
 * The definition of a topic for which there is no file: every column under its own name. In `template`, `${table}` stands
 * for the last part of the topic's name and `${topic}` for the whole; what an index name may not hold becomes `-`.
 */
export function unmappedDefinition(topicName: string, template: string, form: FormName = 'auto'): DocumentDefinition {
  const table = topicName.slice(topicName.lastIndexOf('.') + 1);
  const name = template.replaceAll('${table}', table).replaceAll('${topic}', topicName);
  const legal = name.toLowerCase().replaceAll(/[\s"*/\\|?#<>,:]/g, '-');
  return documentDefinitionSchema.parse({
    document: legal.replace(/^[-_+.]+/, '') || 'unnamed',
    from: topicName,
    form,
  });
}
