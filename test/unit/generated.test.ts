import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { documentDefinitionSchema } from '../../src/mapping/definition.ts';
import { generatedFiles, project } from '../generated.ts';

for (const [path, text] of Object.entries(generatedFiles)) {
  test(`${path} is what the code says; else: npm run docs`, async () => {
    assert.equal(await readFile(join(project, path), 'utf8'), text);
  });
}

test('editors know every name of `as`, and no other, and each schema by its id', () => {
  const schema = JSON.parse(generatedFiles['schema/mapping.schema.json'] ?? '') as {
    readonly $id: string;
    readonly properties: {
      readonly fields: { readonly additionalProperties: { readonly properties: { readonly as: AsSchema } } };
    };
  };
  assert.equal(schema.$id, 'urn:sluice:schema:mapping');
  assert.match(generatedFiles['schema/sluice.schema.json'] ?? '', /"\$id": "urn:sluice:schema:configuration"/);
  const [{ enum: names = [] } = {}, { pattern = '' } = {}] =
    schema.properties.fields.additionalProperties.properties.as.anyOf;
  const isAccepted = (as: string): boolean =>
    documentDefinitionSchema.safeParse({ document: 'a', from: 't', fields: { f: { as } } }).success;
  assert.ok(names.length > 40 && names.every(isAccepted));
  assert.ok(['mask', 'hash', 'lowercase'].every((name) => names.includes(name)));
  assert.ok(
    isAccepted('decimal(2)') && new RegExp(pattern).test('decimal(2)') && !new RegExp(pattern).test('scramble'),
  );
});

interface AsSchema {
  readonly anyOf: readonly { readonly enum?: readonly string[]; readonly pattern?: string }[];
}
