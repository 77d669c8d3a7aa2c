/**
 * The reference of the configuration, made of its schema: `docs/configuration.md`.
 */
import { variableOf } from './environment.ts';
import type { Leaf } from './schema-keys.ts';
import { jsonSchemaOf, leavesOf } from './schema-keys.ts';
import { configSchema } from './schema.ts';

export function configurationReference(): string {
  const rows = leavesOf(jsonSchemaOf(configSchema)).map(
    (leaf) =>
      `| \`${leaf.path.join('.')}\` | \`${variableOf(leaf.path)}\` | ${defaultOf(leaf)} | ${leaf.schema.description ?? ''} |`,
  );
  return `# Configuration

Sluice reads \`sluice.yaml\` (or the file that \`--config\` or SLUICE_CONFIG names). Every key is also a variable of the
environment, which wins over the file; with \`_FILE\` behind its name, a variable names a file that holds the value, as secrets
are handed to containers. Lists are separated by commas. Sizes are bytes, or have a unit: \`64MiB\`. Times are in milliseconds.
Only \`kafka.brokers\` and \`elasticsearch.nodes\` have no default.

This page is made of the schema (\`npm run docs\`); editors complete and check the file by \`schema/sluice.schema.json\`, and
mapping files by \`schema/mapping.schema.json\`.

| key | variable | default | meaning |
|---|---|---|---|
${rows.join('\n')}
`;
}

function defaultOf({ schema, required }: Leaf): string {
  if (schema.default !== undefined)
    return `\`${typeof schema.default === 'string' ? schema.default : JSON.stringify(schema.default)}\``;
  return required ? '**required**' : '–';
}
