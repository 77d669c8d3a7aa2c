/** The forms in which the benchmark's records come. */
import type { Registry } from '../stack/registry.ts';

export interface BenchForm {
  /** As it is named on the command line and in the table. */
  readonly name: 'schemaless' | 'schemas' | 'avro' | 'flattened';
  /** Whether the records say of what type their columns are; else the mapping file does. */
  readonly hasSchemas: boolean;
  readonly needsRegistry: boolean;
  /** Connector properties. */
  settings(registry: Registry | undefined): Readonly<Record<string, string>>;
}

const json = (schemas: boolean): Readonly<Record<string, string>> => ({
  'key.converter': 'org.apache.kafka.connect.json.JsonConverter',
  'key.converter.schemas.enable': String(schemas),
  'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
  'value.converter.schemas.enable': String(schemas),
});

export const benchForms: readonly BenchForm[] = [
  { name: 'schemaless', hasSchemas: false, needsRegistry: false, settings: () => json(false) },
  { name: 'schemas', hasSchemas: true, needsRegistry: false, settings: () => json(true) },
  {
    name: 'avro',
    hasSchemas: true,
    needsRegistry: true,
    settings: (registry) => ({
      ...Object.fromEntries(
        ['key', 'value'].flatMap((part) =>
          Object.entries(registry?.converter ?? {}).map(([name, value]) => [`${part}.${name}`, value]),
        ),
      ),
      'schema.name.adjustment.mode': 'avro',
      'field.name.adjustment.mode': 'avro',
    }),
  },
  {
    name: 'flattened',
    hasSchemas: false,
    needsRegistry: false,
    settings: () => ({
      ...json(false),
      transforms: 'unwrap',
      'transforms.unwrap.type': 'io.debezium.transforms.ExtractNewRecordState',
      // So that a delete is two records, as in the other forms.
      'transforms.unwrap.delete.tombstone.handling.mode': 'rewrite-with-tombstone',
    }),
  },
];
