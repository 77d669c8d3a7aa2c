/**
 * What connectors put where the database did not send a value (`unavailable.value.placeholder`), in each form in which it can
 * arrive: it depends on the column's type.
 */
import { createHash } from 'node:crypto';

export interface Placeholder {
  /** Whether a column's JSON text stands for a value that was withheld. */
  matches(text: string): boolean;
  /** Fast, and never wrongly false: whether any column of the row's JSON text may be withheld. */
  mayBeIn(row: string): boolean;
}

/** Bytes after which a list of codes cannot be anything else. */
const tellingCodes = 6;

/** `setting` is the connector's: text, or `hex:` and the bytes in hexadecimal digits. */
export function placeholderOf(setting: string): Placeholder {
  const bytes = setting.startsWith('hex:') ? Buffer.from(setting.slice(4), 'hex') : Buffer.from(setting);
  const string = JSON.stringify(bytes.toString());
  const base64 = JSON.stringify(bytes.toString('base64'));
  const uuid = JSON.stringify(nameUuid(bytes));
  const map = `{${string}:${string}}`;
  // Arrays of numbers and dates hold the bytes as Java has them; of floating-point numbers, as floats.
  const codes = [...new Int8Array(bytes)].map(String);
  const floats = codes.map((code) => `${code}.0`);
  const arrays = [[string], [base64], [uuid], codes, floats].map((elements) => `[${elements.join(',')}]`);
  const forms = new Set([string, base64, map, JSON.stringify(map), ...arrays]);
  const longest = Math.max(...[...forms].map((form) => form.length));
  // Without the quotes, which are escaped where a string holds JSON; with the bracket, which is rarer than what follows.
  const [plainMark, base64Mark] = [string.slice(1, -1), base64.slice(1, -1)];
  const arrayMarks = [
    `[${uuid}`,
    `[${codes.slice(0, tellingCodes).join(',')}`,
    `[${floats.slice(0, tellingCodes).join(',')}`,
  ];
  return {
    matches: (column) => column.length <= longest && forms.has(column),
    mayBeIn: (row) =>
      row.includes(plainMark) ||
      row.includes(base64Mark) ||
      // Most rows have no arrays.
      (row.includes('[') && arrayMarks.some((mark) => row.includes(mark))),
  };
}

/** Java's `UUID.nameUUIDFromBytes`, which is what uuid columns get: version 3, without a name space. */
function nameUuid(bytes: Buffer): string {
  const digest = createHash('md5').update(bytes).digest();
  digest[6] = ((digest[6] ?? 0) & 0x0f) | 0x30;
  digest[8] = ((digest[8] ?? 0) & 0x3f) | 0x80;
  const hex = digest.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
