/**
 * PostgreSQL's text of values that hold values (https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO): `{1,NULL,"a b"}`,
 * `"a"=>"1", "b"=>NULL`. Nothing here throws: what is not of the kind is undefined.
 */

const plainElement = /[^{}",\\]*/y;
const quotedElement = /"((?:[^"\\]|\\[^])*)"/y;

const unescaped = (text: string): string => text.replaceAll(/\\([^])/g, '$1');

/** What the pattern finds at a place. */
function at(pattern: RegExp, text: string, place: number): RegExpExecArray | null {
  pattern.lastIndex = place;
  return pattern.exec(text);
}

/** The elements of an array of one dimension that begins with 1; null elements are null. */
export function arrayElements(text: string): readonly (string | null)[] | undefined {
  if (text === '{}') return [];
  const elements: (string | null)[] = [];
  let place = 0;
  while (text.charAt(place) === (place === 0 ? '{' : ',')) {
    const quoted = at(quotedElement, text, place + 1);
    const plain = quoted ?? at(plainElement, text, place + 1);
    if (plain === null || plain[0] === '') return undefined;
    if (quoted !== null) elements.push(unescaped(quoted[1] ?? ''));
    else elements.push(plain[0] === 'NULL' ? null : plain[0]);
    place += 1 + plain[0].length;
  }
  return text.charAt(place) === '}' && place === text.length - 1 ? elements : undefined;
}

const member = /"((?:[^"\\]|\\[^])*)"=>(?:NULL|"((?:[^"\\]|\\[^])*)")(?:, |$)/y;

/** The members of an hstore, in its order. */
export function hstoreMembers(text: string): readonly (readonly [name: string, value: string | null])[] | undefined {
  const members: (readonly [string, string | null])[] = [];
  for (let place = 0; place < text.length; place = member.lastIndex) {
    const found = at(member, text, place);
    if (found === null) return undefined;
    const [, name = '', value] = found;
    members.push([unescaped(name), value === undefined ? null : unescaped(value)]);
  }
  return members;
}

/** An interval's parts: months, days, and microseconds of its time. */
export interface IntervalParts {
  readonly months: bigint;
  readonly days: bigint;
  readonly micros: bigint;
}

const isoInterval =
  /^P(?:(-?\d+)Y)?(?:(-?\d+)M)?(?:(-?\d+)D)?(?:T(?:(-?\d+)H)?(?:(-?\d+)M)?(?:(-?)(\d+)(?:\.(\d{1,6}))?S)?)?$/;

/** An interval as `intervalstyle = iso_8601` writes it: `P1Y2M3DT4H5M6.78S`. */
export function intervalParts(text: string): IntervalParts | undefined {
  const parts = isoInterval.exec(text);
  if (parts === null) return undefined;
  const [, years = '0', months = '0', days = '0', hours = '0', minutes = '0', sign, seconds = '0', fraction = ''] =
    parts;
  const ofSeconds = BigInt(seconds) * 1_000_000n + BigInt(fraction.padEnd(6, '0'));
  return {
    months: BigInt(years) * 12n + BigInt(months),
    days: BigInt(days),
    micros: (BigInt(hours) * 60n + BigInt(minutes)) * 60_000_000n + (sign === '-' ? -ofSeconds : ofSeconds),
  };
}
