import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { generatedFiles, project } from '../generated.ts';

for (const [path, text] of Object.entries(generatedFiles)) {
  test(`${path} is what the code says; else: npm run docs`, async () => {
    assert.equal(await readFile(join(project, path), 'utf8'), text);
  });
}
