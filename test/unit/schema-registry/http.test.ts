/** What the answers of a registry, and of what stands before it, say about a schema. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failureOf } from '../../../src/schema-registry/http.ts';

test('only a registry says that a schema is unknown: the 404 page of a load balancer does not', () => {
  const codeOf = (text: string): string | undefined => failureOf({ status: 404, text }, 'a schema with id 7')?.code;
  assert.equal(codeOf('{"error_code":40403,"message":"Schema not found"}'), 'SCHEMA_UNKNOWN');
  assert.equal(codeOf(''), 'SCHEMA_UNKNOWN');
  for (const page of ['<html>404</html>', ' \n<!DOCTYPE html>']) assert.equal(codeOf(page), undefined);
});
