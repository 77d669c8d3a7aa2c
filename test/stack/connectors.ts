/** The REST interface of Kafka Connect, as far as tests need it. */
import { setTimeout as delay } from 'node:timers/promises';

const patienceMs = 60_000;

/** Registers the connector, or changes the configuration of one that is there, and waits until all its tasks run. */
export async function registerConnector(
  connect: string,
  name: string,
  config: Readonly<Record<string, string>>,
): Promise<void> {
  await request(connect, 'PUT', `/connectors/${name}/config`, config);
  await untilConnectorRuns(connect, name);
}

/**
 * Removes the connector and what the worker remembers of its position, so that another of the same name starts anew; not
 * being there is fine. Its replication slot stays in the database.
 */
export async function deleteConnector(connect: string, name: string): Promise<void> {
  if ((await partStates(connect, name)).length === 0) return;
  await request(connect, 'PUT', `/connectors/${name}/stop`);
  await request(connect, 'DELETE', `/connectors/${name}/offsets`);
  await request(connect, 'DELETE', `/connectors/${name}`);
}

/** Waits until the connector and its tasks are RUNNING. Throws with the trace of what failed. */
export async function untilConnectorRuns(connect: string, name: string): Promise<void> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const states = await partStates(connect, name);
    const failed = states.find((part) => part.state === 'FAILED');
    if (failed !== undefined) throw new Error(`Connector ${name} failed: ${failed.trace ?? 'it says no more'}`);
    if (states.length > 1 && states.every((part) => part.state === 'RUNNING')) return;
    if (performance.now() > deadline) throw new Error(`Connector ${name} did not run within ${patienceMs / 1000} s.`);
    await delay(50);
  }
}

interface PartState {
  readonly state: string;
  readonly trace?: string;
}

/** The states of the connector and its tasks; none while the worker does not know it yet. */
async function partStates(connect: string, name: string): Promise<readonly PartState[]> {
  const response = await fetch(`${connect}/connectors/${name}/status`);
  if (!response.ok) return [];
  const status = (await response.json()) as { connector: PartState; tasks: readonly PartState[] };
  return [status.connector, ...status.tasks];
}

/** Sends a request, again while the worker says that it is too early. */
async function request(connect: string, method: string, path: string, body?: unknown): Promise<void> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const response = await fetch(`${connect}${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    if (response.ok || (method === 'DELETE' && response.status === 404)) return;
    const answer = await response.text();
    // Its tasks take a moment to stop, and until then its offsets cannot be altered (400).
    const early = response.status === 409 || (response.status === 400 && path.endsWith('/offsets'));
    if (!early || performance.now() > deadline) {
      throw new Error(`Kafka Connect answered ${response.status} to ${method} ${path}: ${answer}`);
    }
    await delay(100);
  }
}

/** Where the worker remembers the connector to be, as its database says it; nothing while it remembers no place. */
export async function connectorOffset(connect: string, name: string): Promise<Readonly<Record<string, unknown>>> {
  const response = await fetch(`${connect}/connectors/${name}/offsets`);
  if (!response.ok) return {};
  const { offsets } = (await response.json()) as { offsets: readonly { offset: Readonly<Record<string, unknown>> }[] };
  return offsets[0]?.offset ?? {};
}

/** Whether rows of the snapshot may be missing still; the place of its last row says that it is complete. */
export function isInSnapshot(offset: Readonly<Record<string, unknown>>): boolean {
  return offset['snapshot'] !== undefined && offset['snapshot_completed'] !== true;
}
