/** Files that are made of the code: `npm run docs` writes them, and a test says when that was forgotten. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { configurationReference } from '../src/config/reference.ts';
import { configSchema } from '../src/config/schema.ts';
import { jsonSchemaOf } from '../src/config/schema-keys.ts';
import { catalogue } from '../src/errors.ts';
import { documentDefinitionSchema } from '../src/mapping/definition.ts';

const directives = {
  retry: 'tries again, for ever',
  pause: 'tries again slowly; someone must act',
  'go-on': 'says so and goes on',
  'dead-letter': 'keeps the record aside and goes on',
  stop: 'ends',
} as const;

function errorsPage(): string {
  const rows = Object.entries(catalogue).map(
    ([code, { meaning, directive, nextStep }]) =>
      `| \`${code}\` | ${meaning} | ${directives[directive]} | ${nextStep} |`,
  );
  return `# Errors

Everything that can go wrong, what Sluice does about it, and what you can do next. The codes are in logs (\`code\`), in metrics
and in dead letters (\`__sluice.code\`). This page is made of the code (\`npm run docs\`).

| code | meaning | Sluice | next step |
|---|---|---|---|
${rows.join('\n')}
`;
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** Path in the project → contents. */
export const generatedFiles: Readonly<Record<string, string>> = {
  'docs/configuration.md': configurationReference(),
  'docs/errors.md': errorsPage(),
  'schema/sluice.schema.json': json({ $id: 'urn:sluice:schema:configuration', ...jsonSchemaOf(configSchema) }),
  'schema/mapping.schema.json': json({ $id: 'urn:sluice:schema:mapping', ...jsonSchemaOf(documentDefinitionSchema) }),
};

export const project = join(import.meta.dirname, '..');

if (process.argv[1] === import.meta.filename) {
  for (const [path, text] of Object.entries(generatedFiles)) {
    await mkdir(dirname(join(project, path)), { recursive: true });
    await writeFile(join(project, path), text);
  }
}
