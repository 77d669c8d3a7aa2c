import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Failure } from '../../../src/model/outcome.ts';
import { retryDelayMs } from '../../../src/pipeline/retry.ts';

const unavailable: Failure = { code: 'ELASTICSEARCH_UNAVAILABLE', message: 'scripted' };
const missing: Failure = { code: 'INDEX_MISSING', message: 'scripted' };
const policy = { initialMs: 100, maxMs: 1000, pauseMs: 10_000 };

test('the longest wait doubles with each attempt, up to the most', () => {
  const longest = { ...policy, random: () => 0.999_999 };
  const delays = [1, 2, 3, 4, 5, 6, 100, 10_000].map((attempt) => retryDelayMs(longest, unavailable, attempt));
  assert.deepEqual(delays, [100, 200, 400, 800, 1000, 1000, 1000, 1000]);
});

test('a wait is anything between nothing and its longest, so that those who failed together come back apart', () => {
  const draws = [0, 0.25, 0.5, 0.75];
  const delays = draws.map((drawn) => retryDelayMs({ ...policy, random: () => drawn }, unavailable, 3));
  assert.deepEqual(delays, [0, 100, 200, 300]);
});

test('where someone must act, every attempt comes after the pause', () => {
  const delays = [1, 2, 50].map((attempt) => retryDelayMs({ ...policy, random: () => 0 }, missing, attempt));
  assert.deepEqual(delays, [10_000, 10_000, 10_000]);
});
