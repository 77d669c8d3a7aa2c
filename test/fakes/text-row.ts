import type { Row } from '../../src/model/change-event.ts';

/** A row that is its text and has no columns, for what passes rows on and does not look into them. */
export function textRow(text: string): Row {
  return {
    columns: [],
    text: () => text,
    value: () => null,
    json: () => text,
    rewritten: () => text,
    encoded: () => Buffer.from(text),
  };
}
