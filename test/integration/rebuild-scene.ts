/** A scene whose index is rebuilt under traffic, and a reader who must never notice. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Control } from '../../src/rebuild/handover.ts';
import { changeItems, itemsTable, keys, partitionsSettings } from '../fault/items.ts';
import type { Stack } from '../stack/stack.ts';
import type { Scene } from './scene.ts';
import { setScene } from './scene.ts';
import type { CommandRun, SluiceOptions } from './sluice-process.ts';
import { startCommand } from './sluice-process.ts';

type Addresses = Stack['addresses'];

const oldMapping = (name: string): string =>
  `document: ${name}-items
from: ${name}.inventory.items
index:
  mappings: { properties: { name: { type: keyword }, changed_at: { type: date } } }
`;

export const newMapping = (name: string): string =>
  `document: ${name}-items
from: ${name}.inventory.items
index:
  mappings:
    properties:
      name: { type: text, fields: { raw: { type: keyword } } }
      changed_at: { type: date_nanos }
`;

/** A table of `stillRows` rows that nobody changes, beside those that are. */
export function setRebuildScene(
  addresses: Addresses,
  name: string,
  stillRows: number,
  further: { readonly sql?: string; readonly settings?: Readonly<Record<string, string>> } = {},
): Promise<Scene> {
  const still = `INSERT INTO inventory.items SELECT n, 'item ' || n, n, n / 100.0, NULL, now()
    FROM generate_series(${keys + 1}, ${keys + stillRows}) n`;
  return setScene({
    ...addresses,
    name,
    tables: [{ ...itemsTable, sql: [itemsTable.sql, still, further.sql ?? ''].join(';\n') }],
    mappings: { items: oldMapping(name) },
    settings: { ...partitionsSettings(2), ...further.settings },
  });
}

export async function changeMapping(scene: Scene, name: string): Promise<void> {
  await writeFile(join(scene.documents, 'items.yaml'), newMapping(name));
}

/** Changes rows until it is stopped, about so many a second. */
export function startTraffic(scene: Scene, perSecond: number): AsyncDisposable & { stop(): Promise<number> } {
  const ended = new AbortController();
  let changes = 0;
  const running = (async () => {
    for (let round = 0; !ended.signal.aborted; round += 1) {
      const startedAt = performance.now();
      await changeItems(scene, 100, ((round % 200) - 100) / 101);
      changes += 100;
      await delay(Math.max(0, 100_000 / perSecond - (performance.now() - startedAt)));
    }
  })();
  return {
    stop: async () => {
      ended.abort();
      await running;
      return changes;
    },
    [Symbol.asyncDispose]: async () => {
      ended.abort();
      await running.catch(() => undefined);
    },
  };
}

/** Searches the alias every 20 ms for the rows that nobody changes; each must always be found. */
export function startReader(elasticsearch: string, index: string, stillRows: number, patient = false) {
  const ended = new AbortController();
  let searches = 0;
  const wrong: string[] = [];
  const running = (async () => {
    while (!ended.signal.aborted) {
      const body = JSON.stringify({ size: 0, track_total_hits: true, query: { range: { id: { gt: keys } } } });
      try {
        const response = await fetch(`${elasticsearch}/${index}/_search`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body,
        });
        const answer = (await response.json()) as { hits?: { total: { value: number } }; _shards?: { failed: number } };
        const found = answer.hits?.total.value;
        // While the server itself is starting, shards may be missing: that is no matter of the alias.
        const isStarting = patient && (!response.ok || answer._shards?.failed !== 0);
        if (!isStarting && (!response.ok || found !== stillRows))
          wrong.push(
            `${new Date().toISOString()} ${response.status}: ${found ?? 'none'} ${JSON.stringify(answer).slice(0, 200)}`,
          );
        searches += 1;
      } catch (error) {
        if (!patient) wrong.push(String(error));
      }
      await delay(20);
    }
  })();
  return {
    stop: async () => {
      ended.abort();
      await running;
      assert.deepEqual(wrong.slice(0, 3), [], `${wrong.length} of ${searches} searches missed something`);
      return searches;
    },
    [Symbol.asyncDispose]: async () => {
      ended.abort();
      await running;
    },
  };
}

/** Runs a command of Sluice for a scene. */
export function runSluice(addresses: Addresses, scene: Scene, ...args: readonly string[]): CommandRun {
  const environment = { SLUICE_COMMIT_INTERVAL_MS: '100', SLUICE_KAFKA_SESSION_TIMEOUT_MS: '6000' };
  return startCommand({ ...addresses, ...scene, environment }, ...args);
}

/** Makes the index anew, and keeps the new one. */
export async function rebuildToEnd(options: SluiceOptions, index: string): Promise<void> {
  for (const args of [
    ['rebuild', index],
    ['rebuild', 'finish', index],
  ]) {
    const { code, output } = await startCommand(options, ...args).ended;
    assert.equal(code, 0, output);
  }
}

/** What the control document tells; undefined if there is none. */
export async function controlOf(elasticsearch: string, index: string): Promise<Control | undefined> {
  const response = await fetch(`${elasticsearch}/sluice-control/_doc/${index}`).catch(() => undefined);
  if (response?.ok !== true) return undefined;
  const { _source } = (await response.json()) as { _source?: { control: Control } };
  return _source?.control;
}

/** The phase that the control document tells; undefined if there is none. */
export async function phaseOf(elasticsearch: string, index: string): Promise<string | undefined> {
  return (await controlOf(elasticsearch, index))?.phase;
}

/** The index that the alias names. */
export async function generationBehind(elasticsearch: string, alias: string): Promise<string> {
  const response = await fetch(`${elasticsearch}/_alias/${alias}`);
  return Object.keys((await response.json()) as object).join(', ');
}
