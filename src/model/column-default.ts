/** The default of a column, which Connect's converters write for null. */
import type { ColumnSchema } from './change-event.ts';

/** As part of a column's schema: nothing if there is no default. `default` is that of the schema as it was written. */
export function defaultOf(schema: { readonly default?: unknown }): Pick<ColumnSchema, 'default'> {
  const { default: given } = schema;
  if (given === undefined || given === null) return {};
  const isExact = typeof given === 'string' || typeof given === 'boolean' || Number.isSafeInteger(given);
  return { default: isExact ? { value: given as string | number | boolean } : {} };
}
