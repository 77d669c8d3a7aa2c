/**
 * The kind of what was thrown, as a word that cannot hold a value: an error's `name` and `message` are the thrower's own, and a user's
 * function may make them of a masked column.
 */

/** The kinds of error that the language has: any other name is the user's own, and may be made of a value. */
const errorKinds: readonly (new () => Error)[] = [
  TypeError,
  RangeError,
  ReferenceError,
  SyntaxError,
  URIError,
  EvalError,
];

/** `TypeError`, `Error`, `string`, …; total, whatever was thrown. */
export function errorKind(error: unknown): string {
  try {
    const kind = errorKinds.find((candidate) => error instanceof candidate);
    if (kind !== undefined) return kind.name;
    return error instanceof Error ? 'Error' : typeof error;
  } catch {
    // A proxy may throw when it is looked at.
    return 'something';
  }
}
