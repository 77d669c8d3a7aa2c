/**
 * What `sluice check` says of indexes: whether `sluice run` would write into them, and what it would give them.
 */
import { differencesText } from '../model/difference.ts';
import type { IndexAdmin, IndexState } from '../documents/ports.ts';
import type { Trial, TryIndex } from '../elasticsearch/index/index-trial.ts';
import { explain } from '../errors.ts';
import { nullsInDoubt, renamedText } from '../documents/indexes.ts';
import { compileDocument } from '../mapping/compile.ts';
import { isTemplate } from '../mapping/definition.ts';
import type { IndexDefinition } from '../model/document.ts';
import type { Failure } from '../model/outcome.ts';
import type { Routes } from '../documents/routes.ts';
import type { Files } from './files.ts';

interface Finding {
  readonly what: string;
  readonly failures: readonly Failure[];
}

/** Looks at the index of every document that `routes` knows (by now with the schemas that it met), and of every mapping file. */
export async function* checkIndexes(
  { admin, tryIndex }: { readonly admin: Pick<IndexAdmin, 'inspect'>; readonly tryIndex: TryIndex },
  documents: Files['documents'],
  routes: Pick<Routes, 'aliases' | 'indexDefinition'> | undefined,
): AsyncGenerator<Finding> {
  for (const definition of definitionsOf(documents, routes)) {
    const found = await admin.inspect(definition);
    const { what, failures } =
      found.state === 'absent' ? untried(definition, await tryIndex(definition)) : findingOf(definition, found);
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

/** Of an index that is not there. */
function untried({ alias }: IndexDefinition, trial: Trial): Finding {
  const what = `index ${alias}: is made when its first record comes`;
  switch (trial.kind) {
    case 'accepted':
      return { what: `${what}; the server accepts its settings and mappings`, failures: [] };
    case 'skipped':
      return {
        what: `${what}; its settings and mappings were not tried, for the role lacks \`manage_index_templates\``,
        failures: [],
      };
    case 'refused':
      return { what: `index ${alias}`, failures: [trial.failure] };
  }
}

function findingOf({ alias, apply }: IndexDefinition, found: Exclude<IndexState, { state: 'absent' }>): Finding {
  switch (found.state) {
    case 'failed':
      return { what: `index ${alias}`, failures: [found.failure] };
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
