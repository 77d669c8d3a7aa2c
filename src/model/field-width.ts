/**
 * Which numeric field types take every value that another takes.
 */
const wider: Readonly<Record<string, readonly string[]>> = {
  byte: ['short', 'integer', 'long', 'float', 'double'],
  short: ['integer', 'long', 'float', 'double'],
  integer: ['long', 'double'],
  float: ['double'],
};

/** Whether a field of type `wide` takes, without loss, what one of type `narrow` takes; false for the same type. */
export function isWider(wide: unknown, narrow: unknown): boolean {
  return wider[String(narrow)]?.includes(String(wide)) === true;
}
