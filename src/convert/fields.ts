/**
 * The index fields that conversions need, written for a full Elasticsearch 9.
 *
 * None costs a document for the sake of one value: where a field type can ignore what it cannot hold, it does, and the value
 * stays in `_source` and under `_ignored`. Types that cannot (ranges, `flattened`, `dense_vector`, `rank_features`) are given
 * to conversions that make nothing else.
 */
import type { Convert } from '../model/change-event.ts';

/** A field of an index, as Elasticsearch takes it. */
export type FieldMapping = Readonly<Record<string, unknown>>;

export interface Conversion {
  /** Absent: the text is copied as it is. */
  readonly convert?: Convert;
  readonly field: FieldMapping;
}

/** 32,766 bytes are the most that a term may have; a character has up to four (of two units), so up to three a unit. */
const longestTerm = 8191;

const ignoring = (type: string): FieldMapping => ({ type, ignore_malformed: true });

export const keyword: FieldMapping = { type: 'keyword', ignore_above: longestTerm };
/** What Elasticsearch itself makes of a string: searched by its words, sorted and counted by its first 256 characters. */
export const text: FieldMapping = { type: 'text', fields: { keyword: { type: 'keyword', ignore_above: 256 } } };
/** For strings that are equal whatever their case. */
export const caseInsensitiveText: FieldMapping = {
  type: 'text',
  fields: { keyword: { type: 'keyword', ignore_above: 256, normalizer: 'lowercase' } },
};
/** Words only: for what nobody sorts by. */
export const words: FieldMapping = { type: 'text' };

/** Cannot ignore anything on OpenSearch. */
export const boolean: FieldMapping = { type: 'boolean' };
export const byte = ignoring('byte');
export const short = ignoring('short');
export const integer = ignoring('integer');
export const long = ignoring('long');
export const float = ignoring('float');
export const double = ignoring('double');
/** The same digits as a keyword too, for what is below zero after all: NUMERIC(20) looks like an unsigned BIGINT. */
export const unsignedLong: FieldMapping = { ...ignoring('unsigned_long'), fields: { keyword } };
/** Exact as a term, about right for ranges and sorting. */
export const exactDecimal: FieldMapping = { ...keyword, fields: { number: double } };

/** Years beyond 9999 stay in `_source`; without `ignore_malformed` they would cost the document. */
export const date = ignoring('date');
/** Holds 1970 … 2262 only. */
export const dateNanos = ignoring('date_nanos');

export const binary: FieldMapping = { type: 'binary' };
export const ip = ignoring('ip');
export const ipRange: FieldMapping = { type: 'ip_range' };
export const integerRange: FieldMapping = { type: 'integer_range' };
export const longRange: FieldMapping = { type: 'long_range' };
export const doubleRange: FieldMapping = { type: 'double_range' };
export const dateRange: FieldMapping = { type: 'date_range' };

/** An object of any members: one field for all of them, so that data cannot make fields, nor fields that disagree. */
export const flattened: FieldMapping = { type: 'flattened', ignore_above: longestTerm, depth_limit: 1000 };
/** Kept and never looked at: what may be anything. */
export const opaque: FieldMapping = { type: 'object', enabled: false };

/** `cosine`, the default, refuses a vector of nothing but zeros. Without `dims`, the first document says how many there are. */
export const denseVector = (dims?: number): FieldMapping => ({
  type: 'dense_vector',
  ...(dims !== undefined && { dims }),
  similarity: 'l2_norm',
});
export const rankFeatures: FieldMapping = { type: 'rank_features' };

export const geoPoint = ignoring('geo_point');
export const geoShape = ignoring('geo_shape');
export const point = ignoring('point');
export const shape = ignoring('shape');
