/**
 * What `sluice check` says of indexes: whether `sluice run` would write into them, and what it would give them.
 */
import { differencesText } from '../elasticsearch/difference.ts';
import type { IndexAdmin, IndexState } from '../elasticsearch/index-admin.ts';
import { explain } from '../errors.ts';
import { nullsInDoubt, renamedText } from '../indexes.ts';
import { compileDocument } from '../mapping/compile.ts';
import { isTemplate } from '../mapping/definition.ts';
import type { IndexDefinition } from '../model/document.ts';
import type { Failure } from '../model/outcome.ts';
import type { Routes } from '../routes.ts';
import type { Files } from './files.ts';

interface Finding {
  readonly what: string;
  readonly failures: readonly Failure[];
}

/** Looks at the index of every document that `routes` knows (by now with the schemas that it met), and of every mapping file. */
export async function* checkIndexes(
  admin: Pick<IndexAdmin, 'inspect'>,
  documents: Files['documents'],
  routes: Pick<Routes, 'aliases' | 'indexDefinition'> | undefined,
): AsyncGenerator<Finding> {
  for (const definition of definitionsOf(documents, routes)) {
    const { what, failures } = findingOf(definition, await admin.inspect(definition));
    const renamed = Object.entries(definition.renamed ?? {});
    const note = renamed.length === 0 ? '' : `\n    columns whose names an index cannot hold: ${renamedText(renamed)}`;
    const doubts = nullsInDoubt(definition.alias, definition.nullInDoubt ?? []).map(
      (doubt) => `\n    ${explain(doubt)}`,
    );
    yield { what: [what, note, ...doubts].join(''), failures };
  }
}

/** Templates make documents of topics, which Kafka alone knows. */
function definitionsOf(
  documents: Files['documents'],
  routes: Pick<Routes, 'aliases' | 'indexDefinition'> | undefined,
): readonly IndexDefinition[] {
  const known = routes?.aliases ?? [];
  const others = documents.filter(({ definition }) => !isTemplate(definition) && !known.includes(definition.document));
  return [
    ...known.flatMap((alias) => routes?.indexDefinition(alias) ?? []),
    ...others.map(({ definition }) => compileDocument(definition).indexDefinition()),
  ];
}

function findingOf({ alias, apply }: IndexDefinition, found: IndexState): Finding {
  switch (found.state) {
    case 'failed':
      return { what: `index ${alias}`, failures: [found.failure] };
    case 'absent':
      return { what: `index ${alias}: is made when its first record comes`, failures: [] };
    case 'created':
    case 'present': {
      const { index } = found.generation;
      const pending = found.state === 'present' ? differencesText(found.pending) : '';
      const then = apply === 'never' ? 'left as it is (`index.apply: never`)' : 'extended at the start of `sluice run`';
      const notes = found.state === 'present' ? found.warnings.map(explain) : [];
      const what = [`index ${alias}: present (${index})`, ...(pending === '' ? [] : [`${then}: ${pending}`]), ...notes];
      return { what: what.join('\n    '), failures: [] };
    }
  }
}
