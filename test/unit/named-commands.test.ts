/** No error, and no page, names a command or an option that does not exist. */
import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { runProgram } from '../../src/cli/program.ts';

const root = join(import.meta.dirname, '..', '..');

async function helpOf(...args: readonly string[]): Promise<string> {
  const lines: string[] = [];
  const print = (line: string): void => {
    lines.push(line);
  };
  await runProgram([...args, '--help'], { environment: {}, cwd: root, print, printError: print });
  return lines.join('\n');
}

const namesIn = (help: string): readonly string[] =>
  [...(/^Commands:\n((?: .*\n?)+)/m.exec(help)?.[1] ?? '').matchAll(/^ {2}([a-z-]+)/gm)].map(([, name = '']) => name);
const optionsIn = (help: string): ReadonlySet<string> =>
  new Set([...help.matchAll(/(?<![\w-])--[a-z][a-z-]*/g)].map(([option]) => option));

/** Command, with a subcommand if it has one → its options. */
async function commands(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const known = new Map<string, ReadonlySet<string>>();
  for (const name of namesIn(await helpOf())) {
    const help = await helpOf(name);
    known.set(name, optionsIn(help));
    for (const inner of namesIn(help)) known.set(`${name} ${inner}`, optionsIn(await helpOf(name, inner)));
  }
  known.delete('help');
  return known;
}

/** Every text that people read: the sources with their messages, and the pages. */
async function texts(): Promise<readonly (readonly [file: string, text: string])[]> {
  const files = ['README.md', 'CHANGELOG.md'];
  for (const folder of ['src', 'docs']) {
    for (const file of await readdir(join(root, folder), { recursive: true })) {
      if (/\.(?:ts|md)$/.test(file)) files.push(join(folder, file));
    }
  }
  return Promise.all(files.map(async (file) => [file, await readFile(join(root, file), 'utf8')] as const));
}

/** What is wrong with the commands that a text names: `sluice …` in backticks or at the beginning of a line of shell. */
function wrongIn(text: string, known: ReadonlyMap<string, ReadonlySet<string>>): readonly string[] {
  const named = [...text.matchAll(/(?:`|^\s*(?:\$ )?|npm run sluice -- )(?:npx )?sluice (?!--)([^`\n]+)/gm)];
  return named.flatMap(([, rest = '']) => {
    const words = rest
      .replaceAll('\\', '')
      .split(/[\s,;|]+/)
      .filter((word) => word !== '');
    const [name = '', inner = ''] = words;
    const options = known.get(`${name} ${inner}`) ?? known.get(name);
    if (options === undefined) return /^[a-z][a-z-]*$/.test(name) ? [`sluice ${rest}: no command "${name}"`] : [];
    const missing = words.filter((word) => /^--[a-z]/.test(word) && !options.has(word.replace(/[=.:].*$/, '')));
    return missing.map((option) => `sluice ${rest}: ${name} has no option ${option}`);
  });
}

test('every command that an error or a page names exists, with the options that it is given', async () => {
  const known = await commands();
  assert.ok(known.has('verify') && known.get('verify')?.has('--source') === true && known.has('rebuild finish'));
  const wrong = (await texts()).flatMap(([file, text]) => wrongIn(text, known).map((what) => `${file}: ${what}`));
  assert.deepEqual(wrong, []);
});

test('a command or an option that does not exist is noticed', async () => {
  const known = await commands();
  assert.deepEqual(wrongIn('Run `sluice dead-letters list`.', known), [
    'sluice dead-letters list: no command "dead-letters"',
  ]);
  assert.deepEqual(wrongIn('`sluice verify DOCUMENT --sauce`', known), [
    'sluice verify DOCUMENT --sauce: verify has no option --sauce',
  ]);
  assert.deepEqual(wrongIn('  sluice rebuild x --max-rate 5\n`sluice`, `sluice --version`', known), []);
});
