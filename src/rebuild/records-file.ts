/**
 * Records that somebody wrote into a file: a JSON object a line, or one object in all.
 */
import { exactTree, isExactNumber } from '../json/exact.ts';
import type { Failure } from '../model/outcome.ts';
import { offset } from '../model/position.ts';
import type { SourceRecord } from '../model/record.ts';

/**
 * Each object has `topic`, and `key` and `value` as JSON (digit for digit), as `keyText` and `valueText`, or as `keyBase64` and
 * `valueBase64`; if it likes `partition`, `offset`, `timestampMs` and `headers` (name → text). Without `offset`, records are
 * numbered as they come.
 */
export function recordsIn(text: string): readonly SourceRecord[] | Failure {
  const whole = parsed(text);
  if (whole !== undefined) return recordsOf(Array.isArray(whole) ? whole : [whole]);
  const values: unknown[] = [];
  for (const [number, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const value = parsed(line);
    if (value === undefined) return unusable(`line ${number + 1} is no JSON`);
    values.push(value);
  }
  return recordsOf(values);
}

function recordsOf(values: readonly unknown[]): readonly SourceRecord[] | Failure {
  const records: SourceRecord[] = [];
  for (const [number, value] of values.entries()) {
    if (!isObject(value)) return unusable(`record ${number + 1} is no object`);
    const { topic, headers } = value;
    if (typeof topic !== 'string') return unusable(`record ${number + 1} has no \`topic\``);
    records.push({
      topic,
      partition: numberIn(value['partition']) ?? 0,
      offset: offset(numberIn(value['offset']) ?? number),
      timestampMs: numberIn(value['timestampMs']) ?? 0,
      headers: isObject(headers)
        ? Object.fromEntries(Object.entries(headers).map(([name, one]) => [name, Buffer.from(String(one))]))
        : undefined,
      key: bytesOf(value, 'key'),
      value: bytesOf(value, 'value'),
    });
  }
  return records;
}

function bytesOf(record: Readonly<Record<string, unknown>>, part: 'key' | 'value'): Buffer | null {
  const { [`${part}Text`]: text, [`${part}Base64`]: base64, [part]: json } = record;
  if (typeof text === 'string') return Buffer.from(text);
  if (typeof base64 === 'string') return Buffer.from(base64, 'base64');
  return json === undefined || json === null ? null : Buffer.from(JSON.stringify(json));
}

function parsed(text: string): unknown {
  try {
    return exactTree(text);
  } catch {
    return undefined;
  }
}

function numberIn(value: unknown): number | undefined {
  const number = value === undefined ? Number.NaN : Number(JSON.stringify(value));
  return Number.isNaN(number) ? undefined : number;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isExactNumber(value);
}

function unusable(what: string): Failure {
  return { code: 'CONFIGURATION_INVALID', message: `The file of records cannot be used: ${what}.` };
}
