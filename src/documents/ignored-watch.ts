/**
 * Counts, now and then, the documents of each index whose values a field ignored: Elasticsearch accepts such a document, so no
 * answer to a write says it.
 */
import type { IgnoredValues } from './ports.ts';
import type { Failure } from '../model/outcome.ts';
import type { Clock } from '../pipeline/ports.ts';

export interface IgnoredWatchOptions {
  readonly aliases: readonly string[];
  /** A failure is asked again at the next look. */
  readonly read: (alias: string) => Promise<IgnoredValues | Failure>;
  readonly counted: (alias: string, documents: number) => void;
  readonly warned: (failure: Failure) => void;
  readonly everyMs: number;
  readonly clock: Clock;
}

/** Looks until `signal` aborts, and warns once for each field. Never rejects. */
export async function watchIgnored(options: IgnoredWatchOptions, signal: AbortSignal): Promise<void> {
  const { aliases, read, counted, warned, everyMs, clock } = options;
  const told = new Set<string>();
  for (;;) {
    await clock.sleep(everyMs, signal);
    for (const alias of aliases) {
      if (signal.aborted) return;
      const found = await read(alias).catch(() => undefined);
      if (found === undefined || 'code' in found) continue;
      counted(alias, found.documents);
      const fields = found.fields.filter((field) => !told.has(`${alias}/${field}`));
      if (fields.length === 0) continue;
      for (const field of fields) told.add(`${alias}/${field}`);
      warned({ code: 'VALUES_IGNORED', message: ignoredText(alias, { ...found, fields }) });
    }
    if (signal.aborted) return;
  }
}

/** What someone should know of such documents. */
export function ignoredText(alias: string, { documents, fields }: IgnoredValues): string {
  const names = fields.map((field) => `\`${field}\``).join(', ');
  return `${documents} documents of ${alias} hold values that their fields cannot take (${names}): they are in \`_source\`, and not found by those fields.`;
}
