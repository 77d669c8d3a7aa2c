/**
 * Tries the settings and mappings of an index without making it: a server simulates a template and keeps nothing of it.
 */
import type { IndexDefinition } from '../../model/document.ts';
import type { Failure } from '../../model/outcome.ts';
import { flatSettings } from '../../model/index-settings.ts';
import { failureOf, refusal } from '../index-answer.ts';
import type { IndexMaker } from './index-maker.ts';
import type { Server } from './live-index.ts';
import { ask } from '../request.ts';

export type Trial =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'refused'; readonly failure: Failure }
  /** The role may not simulate templates. */
  | { readonly kind: 'skipped' };

export type TryIndex = (definition: IndexDefinition) => Promise<Trial>;

/** Above every template that someone has: two of one priority must not take the same names. */
const priority = 2_000_000_000;

export function createTryIndex({ client, requestTimeoutMs }: Server, maker: IndexMaker): TryIndex {
  return async (definition) => {
    if (definition.problem !== undefined) return { kind: 'refused', failure: definition.problem };
    const { answer } = await maker.fit(definition, (mappings) => {
      const template = { settings: flatSettings(definition.settings), mappings };
      const body = { index_patterns: [`sluice-check-${definition.alias}-*`], priority, template };
      return ask(client, { method: 'POST', path: '/_index_template/_simulate', body }, requestTimeoutMs);
    });
    if (answer.kind === 'answered') return { kind: 'accepted' };
    if (answer.kind === 'refused' && answer.status === 403) return { kind: 'skipped' };
    const isRefused = answer.kind === 'refused' && answer.status === 400;
    return { kind: 'refused', failure: isRefused ? refusal(definition.alias, answer.cause) : failureOf(answer) };
  };
}
