/**
 * Vectors as an index keeps them, which is less exact than they were written: what was written and what is read are one only once
 * both are as exact.
 */
import type { Path } from './partial-change.ts';

/**
 * - `floats`: 32 bits each; whole numbers of a byte are exact in them.
 * - `bfloats`: the first 16 of those, rounded to the nearest.
 * - `weights`: as terms of Lucene, the first 17 bits, cut off.
 */
export type Vector = 'floats' | 'bfloats' | 'weights';

export interface VectorField {
  /** Names of fields; an array on the way is passed through. */
  readonly path: Path;
  readonly kept: Vector;
}

const bits = new DataView(new ArrayBuffer(4));

/** A number as it is kept. */
export function keptNumber(value: number, kept: Vector): number {
  if (kept === 'floats') return Math.fround(value);
  bits.setFloat32(0, value);
  const whole = bits.getUint32(0);
  // To the nearest; of two that are as near, to the even one.
  const half = 0x7fff + ((whole >>> 16) & 1);
  bits.setUint32(0, kept === 'bfloats' ? ((whole + half) & 0xffff0000) >>> 0 : (whole & 0xffff8000) >>> 0);
  return bits.getFloat32(0);
}
