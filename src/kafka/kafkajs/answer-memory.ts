/**
 * The memory of brokers' answers, given back when the last record in it is settled and not when the garbage collector finds out.
 *
 * Records live long enough to be old by its reckoning, so it would find out late; and memory outside of its heap, which answers
 * are, makes it look at the whole heap each time another 64 MiB of it has come together: a sixth of all processor time.
 *
 * Who asks for bytes that were given back gets a TypeError, and never those of something else.
 */

/** The memory that some records are in. */
export interface AnswerMemory {
  /** So many records more are in it. */
  hold(records: number): void;
  /** One record is asked for no more; with the last one, the memory goes. */
  letGo(): void;
}

const memories = new WeakMap<ArrayBufferLike, AnswerMemory>();

/** A buffer whose memory nobody else has, which is given back when everything that was held in it is let go. */
export function allocateAnswer(bytes: number): Buffer {
  // Never of Node's pool: whatever else is in there would go too.
  const buffer = Buffer.allocUnsafeSlow(bytes);
  own(buffer.buffer);
  return buffer;
}

/** The memory of an answer that was allocated so, or of the bytes that were decompressed out of one; undefined of any other. */
export function memoryOf(bytes: Buffer, isDecompressed: boolean): AnswerMemory | undefined {
  const { buffer } = bytes;
  // A part of some pool is not alone in its memory.
  const isOwn = isDecompressed && bytes.length === buffer.byteLength && buffer instanceof ArrayBuffer;
  return memories.get(buffer) ?? (isOwn ? own(buffer) : undefined);
}

function own(memory: ArrayBuffer): AnswerMemory {
  let held = 0;
  const counted: AnswerMemory = {
    hold: (records) => {
      held += records;
    },
    letGo: () => {
      held -= 1;
      if (held === 0) memory.transfer(0);
    },
  };
  memories.set(memory, counted);
  return counted;
}
