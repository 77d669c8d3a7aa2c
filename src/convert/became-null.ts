/**
 * Whether a conversion made null of a value that the source had: an infinity, NaN, an empty range, a geometry without a place.
 * For counting, by whoever converts; elements of arrays and members of structs are not looked at.
 */
export function becameNull(text: string, converted: string | undefined): boolean {
  // JSON's own null, in a string or not, was null before.
  return converted === 'null' && text !== 'null' && text !== '"null"';
}
