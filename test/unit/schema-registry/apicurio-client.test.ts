/** Apicurio's own interface: what a registry may answer that is not simply the schema. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createApicurioClient } from '../../../src/schema-registry/apicurio-client.ts';
import type { RegistryHttp } from '../../../src/schema-registry/http.ts';
import { unreachable } from '../../../src/schema-registry/http.ts';

const { signal } = new AbortController();
const v2 = 'http://old/apis/registry/v2';
const v3 = 'http://new/apis/registry/v3';

/** Answers by URL; a number is a status; hosts in `down` do not answer. */
function clientOf(answers: Readonly<Record<string, unknown>>, { urls = [v2], down = '' } = {}) {
  let asked = 0;
  const http: RegistryHttp = {
    get: (bases, pathOf) => {
      asked += 1;
      assert.ok(asked < 1000, 'it asks for ever');
      const base = bases.find((each) => new URL(each).host !== down);
      if (base === undefined) return Promise.resolve(unreachable(urls[0] ?? '', 'scripted'));
      const answer = answers[base + pathOf(base)] ?? 404;
      const status = typeof answer === 'number' ? answer : 200;
      return Promise.resolve({ status, text: typeof answer === 'string' ? answer : JSON.stringify(answer) });
    },
    close: () => Promise.resolve(),
  };
  return createApicurioClient(urls, http);
}

const schemaOf = async (client: ReturnType<typeof clientOf>): Promise<string> => {
  const answer = await client.schemaOf('globalId', '1', signal);
  return 'code' in answer ? `${answer.code}: ${answer.message}` : `${answer.type} ${answer.text}`;
};

test('of URLs of both versions each is asked by the paths of its own', async () => {
  const answers = {
    [`${v2}/ids/globalIds/1`]: '"int"',
    [`${v2}/ids/globalIds/1/references`]: [],
    [`${v2}/search/artifacts?globalId=1&limit=1`]: { artifacts: [{ type: 'AVRO' }] },
    [`${v3}/ids/globalIds/1`]: '"long"',
    [`${v3}/ids/globalIds/1/references`]: [],
    [`${v3}/search/versions?globalId=1&limit=1`]: { versions: [{ artifactType: 'AVRO' }] },
  };
  assert.equal(await schemaOf(clientOf(answers, { urls: [v2, v3] })), 'AVRO "int"');
  assert.equal(await schemaOf(clientOf(answers, { urls: [v2, v3], down: 'old' })), 'AVRO "long"');
});

test('a schema whose type the registry does not know is unknown, and references in circles cannot be used', async () => {
  const untyped = {
    [`${v2}/ids/globalIds/1`]: '"int"',
    [`${v2}/search/artifacts?globalId=1&limit=1`]: { artifacts: [] },
  };
  assert.match(
    await schemaOf(clientOf(untyped)),
    /^SCHEMA_UNKNOWN: .*does not know the type of a schema with globalId 1/,
  );
  const itself = { artifactId: 'a', version: '1' };
  const circle = {
    [`${v2}/ids/globalIds/1`]: '"int"',
    [`${v2}/ids/globalIds/1/references`]: [{ ...itself, name: 'n' }],
    [`${v2}/search/artifacts?globalId=1&limit=1`]: { artifacts: [{ type: 'AVRO' }] },
    [`${v2}/groups/default/artifacts/a/versions/1`]: '"int"',
    [`${v2}/groups/default/artifacts/a/versions/1/references`]: [{ ...itself, name: 'n' }],
  };
  assert.match(await schemaOf(clientOf(circle)), /^SCHEMA_UNUSABLE: References go in circles/);
});

test('the check names the setting if something else answers, and the credentials if they are refused', async () => {
  const info = `${v2}/system/info`;
  const codeOf = async (answer: unknown): Promise<string | undefined> => {
    const failure = await clientOf({ [info]: answer }).check(signal);
    return failure && `${failure.code} ${failure.message}`;
  };
  assert.equal(await codeOf({ name: 'Apicurio Registry' }), undefined);
  assert.match((await codeOf(404)) ?? '', /^SCHEMA_REGISTRY_UNREACHABLE .*check `schemaRegistry.apicurioUrls`/);
  assert.match((await codeOf('<html>')) ?? '', /check `schemaRegistry.apicurioUrls`/);
  assert.match((await codeOf(401)) ?? '', /^SCHEMA_REGISTRY_UNAUTHORIZED/);
});
