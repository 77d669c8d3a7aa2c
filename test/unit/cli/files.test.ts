import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readFiles } from '../../../src/cli/files.ts';

test('a folder of mapping files that is named and is absent, or holds none, is refused, even where topics need no file', async () => {
  const cwd = await mkdtemp(join(tmpdir(), 'files-'));
  const errors: string[] = [];
  const read = (more: Readonly<Record<string, string>>) => {
    errors.length = 0;
    const environment = {
      ...{ SLUICE_KAFKA_BROKERS: 'a:1', SLUICE_ELASTICSEARCH_NODES: 'http://a' },
      ...{ SLUICE_UNMAPPED_TOPICS: '.*', ...more },
    };
    const printError = (line: string): void => void errors.push(line);
    return readFiles({}, { environment, cwd, print: () => undefined, printError });
  };
  try {
    assert.deepEqual((await read({}))?.documents, [], 'only the default may be absent');
    await mkdir(join(cwd, 'mappings'));
    assert.equal(await read({ SLUICE_DOCUMENTS: './mapings' }), undefined);
    assert.match(errors.join('\n'), /mapings: the folder of mapping files cannot be read; correct `documents`/);
    assert.deepEqual((await read({}))?.documents, [], 'the default may be empty');
    await writeFile(join(cwd, 'mappings', 'people.yaml.txt'), '');
    assert.equal(await read({ SLUICE_DOCUMENTS: './mappings' }), undefined);
    assert.match(
      errors.join('\n'),
      /mappings: the folder holds no mapping file .* correct `documents` .*, put a mapping file there/,
    );
    assert.equal(errors.length, 1);
    await writeFile(join(cwd, 'mappings', 'people.yaml'), 'document: people\nfrom: people\n');
    assert.equal((await read({ SLUICE_DOCUMENTS: './mappings' }))?.documents.length, 1);
  } finally {
    await rm(cwd, { recursive: true });
  }
});
