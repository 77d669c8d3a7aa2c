/** Whatever a YAML file holds, it is values or problems with file, line and column: never an exception, never a hang. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { runProgram } from '../../../src/cli/program.ts';
import { problemText } from '../../../src/config/problem.ts';
import { readYaml } from '../../../src/config/yaml-file.ts';

let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'yaml-'));
});
after(() => rm(folder, { recursive: true }));

async function problemsOf(text: string): Promise<readonly string[]> {
  const file = join(folder, 'a.yaml');
  await writeFile(file, text);
  const read = await readYaml(file);
  return read.ok ? [] : read.problems.map((problem) => problemText(problem).replace(`${folder}/`, ''));
}

const level = (name: string, inner: string): string => `${name}: &${name} [${Array(9).fill(inner).join(', ')}]\n`;
const bomb = level('a', 'x') + Array.from('bcdefghi', (name, at) => level(name, `*${'abcdefgh'.charAt(at)}`)).join('');

const cases: readonly (readonly [name: string, text: string, expected: RegExp])[] = [
  ['an unquoted star', 'document: x\nfrom: *\n', /^a\.yaml:2:7: `\*` begins a YAML alias.* in quotes\.$/],
  [
    'an unquoted pattern',
    'from: *.orders.*\n',
    /^a\.yaml:1:7: `\*\.orders\.\*` is a YAML alias, and no anchor .* in quotes\.$/,
  ],
  ['a star in a list', 'from:\n  - [ *all ]\n', /^a\.yaml:2:7: `\*all` is a YAML alias/],
  ['a star as a key', 'a: { *b : 1 }\n', /^a\.yaml:1:6: `\*b` is a YAML alias/],
  ['an alias bomb', bomb, /^a\.yaml:[4-6]:\d+: `\*[c-e]` is one alias too many: .* 10000 values/],
  ['an alias inside its anchor', 'a: &a [1, *a]\n', /^a\.yaml:1:11: `\*a` stands inside the value of its own anchor/],
  ['two documents', 'a: 1\n---\nb: 2\n', /^a\.yaml:2:1: a second YAML document begins here/],
  ['an unknown tag', 'a: !secret b\n', /^a\.yaml:1:4: not YAML: Unresolved tag: !secret\.$/],
  ['nesting without end', `a: ${'['.repeat(20_000)}`, /^a\.yaml:1:\d+: not YAML: values are nested too deeply\.$/],
];
for (const [name, text, expected] of cases) {
  test(`${name} is a problem with its place`, async () => {
    const [first = '', ...more] = await problemsOf(text);
    assert.match(first, expected);
    assert.ok(more.length < 10);
  });
}

test('aliases that stand for few values are values', async () => {
  const file = join(folder, 'shared.yaml');
  await writeFile(file, `a: &k { type: keyword }\n${Array.from({ length: 300 }, (_, at) => `b${at}: *k\n`).join('')}`);
  const read = await readYaml(file);
  assert.ok(read.ok);
  assert.deepEqual((read.value.value as Record<string, unknown>)['b299'], { type: 'keyword' });
});

test('`check` answers a broken file with its place and exit code 2', async () => {
  const errors: string[] = [];
  const folderOfDocuments = await mkdtemp(join(folder, 'mappings-'));
  await writeFile(join(folderOfDocuments, 'star.yaml'), 'document: star\nfrom: *\n');
  const code = await runProgram(['check'], {
    environment: {
      ...{ SLUICE_KAFKA_BROKERS: 'a:1', SLUICE_ELASTICSEARCH_NODES: 'http://b:2' },
      SLUICE_DOCUMENTS: folderOfDocuments,
    },
    cwd: folder,
    print: () => undefined,
    printError: (line) => errors.push(line),
  });
  assert.equal(code, 2);
  assert.match(errors.join('\n'), /star\.yaml:2:7: /);
});
