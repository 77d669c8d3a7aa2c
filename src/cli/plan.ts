import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import Table from 'cli-table3';
import type { PlanSource } from '../compose-plan.ts';
import { openPlan } from '../compose-plan.ts';
import { SluiceError } from '../errors.ts';
import type { SourceRecord } from '../model/record.ts';
import type { Planned } from '../rebuild/plan.ts';
import { planOf } from '../rebuild/plan.ts';
import { recordsIn } from '../rebuild/records-file.ts';
import type { CommonOptions, ExitCode, Surroundings } from './command.ts';
import { failWith } from './failures.ts';
import { readFiles } from './files.ts';

export interface PlanCommandOptions extends CommonOptions {
  readonly file?: string;
  readonly topic?: string;
  readonly partition: number;
  readonly from: number;
  readonly count: number;
  readonly json?: boolean;
}

/** `sluice plan`: what would become of some records, and of the index. Row values go to standard output; nothing is written. */
export async function planCommand(
  document: string,
  options: PlanCommandOptions,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const files = await readFiles(options, surroundings);
  if (files === undefined) return 2;
  const { print } = surroundings;
  try {
    const source = await sourceOf(options, surroundings);
    await using plan = await openPlan({ ...files, document, source });
    const planned = plan.records.flatMap((record) => planOf(record, plan.routeOf(record.topic)));
    if (options.json === true) for (const entry of planned) print(JSON.stringify(entry));
    else print(tableOf(planned));
    const index = await plan.index();
    if (options.json === true) print(JSON.stringify({ index }));
    else print(`Index ${document}: ${index.state}\n${JSON.stringify(index.definition, null, 2)}`);
    return planned.some(({ action }) => action === 'dead-letter') ? 1 : 0;
  } catch (error) {
    return failWith(error, surroundings);
  }
}

async function sourceOf(
  { file, topic, partition, from, count }: PlanCommandOptions,
  { cwd }: Surroundings,
): Promise<PlanSource> {
  if (file === undefined) return { kind: 'topic', topic, partition, from, count };
  const text = await readFile(resolve(cwd, file), 'utf8').catch(() => {
    throw misuse(`The file ${file} cannot be read.`);
  });
  const records: readonly SourceRecord[] | { readonly message: string } = recordsIn(text);
  if ('message' in records) throw misuse(records.message);
  return { kind: 'records', records };
}

function misuse(message: string): SluiceError {
  return new SluiceError([{ code: 'CONFIGURATION_INVALID', message }]);
}

function tableOf(planned: readonly Planned[]): string {
  const table = new Table({
    head: ['record', 'action', 'id', 'version', 'document'],
    style: { head: [], border: [] },
    wordWrap: true,
    wrapOnWordBoundary: false,
    colWidths: [null, null, null, null, 80],
  });
  for (const { record, action, id = '', version = '', routing, source, withheld, reason } of planned) {
    const kept = withheld === undefined ? '' : `\nkept as they are: ${withheld.join(', ')}`;
    const where = routing === undefined ? id : `${id} (routing ${routing})`;
    table.push([record, action, where, version, `${source ?? reason ?? ''}${kept}`]);
  }
  return table.toString();
}
