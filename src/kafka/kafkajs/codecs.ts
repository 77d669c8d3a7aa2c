/**
 * The codecs that producers use. kafkajs brings gzip alone, and a consumer without the codec of a batch is dead.
 */
import { gunzip, gzip, zstdCompress, zstdDecompress } from 'node:zlib';
import { promisify } from 'node:util';
import kafkajs from 'kafkajs';
import * as lz4 from 'lz4-napi';
import snappy from 'snappy';

interface Codec {
  compress(encoder: { readonly buffer: Buffer }): Promise<Buffer>;
  decompress(bytes: Buffer): Promise<Buffer>;
}

/** The framing of snappy-java: this magic and two versions, then blocks, each with its length. */
const xerialMagic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]);
const xerialHeader = Buffer.concat([xerialMagic, Buffer.from([0, 0, 0, 1, 0, 0, 0, 1])]);

async function snappyDecompress(bytes: Buffer): Promise<Buffer> {
  if (!bytes.subarray(0, xerialMagic.length).equals(xerialMagic)) return asBuffer(await snappy.uncompress(bytes));
  const blocks: Buffer[] = [];
  for (let at = xerialHeader.length; at < bytes.length;) {
    const length = bytes.readInt32BE(at);
    blocks.push(asBuffer(await snappy.uncompress(bytes.subarray(at + 4, at + 4 + length))));
    at += 4 + length;
  }
  return Buffer.concat(blocks);
}

const asBuffer = (bytes: string | Buffer): Buffer => (typeof bytes === 'string' ? Buffer.from(bytes) : bytes);

const { CompressionCodecs, CompressionTypes } = kafkajs;

const codecs: readonly (readonly [keyof typeof CompressionCodecs, Codec])[] = [
  [
    CompressionTypes.GZIP,
    { compress: ({ buffer }) => promisify(gzip)(buffer), decompress: promisify<Buffer, Buffer>(gunzip) },
  ],
  [CompressionTypes.Snappy, { compress: ({ buffer }) => snappy.compress(buffer), decompress: snappyDecompress }],
  [
    CompressionTypes.LZ4,
    { compress: ({ buffer }) => lz4.compressFrame(buffer), decompress: (bytes) => lz4.decompressFrame(bytes) },
  ],
  [
    CompressionTypes.ZSTD,
    {
      compress: ({ buffer }) => promisify(zstdCompress)(buffer),
      decompress: promisify<Buffer, Buffer>(zstdDecompress),
    },
  ],
];

/** Makes all codecs known to kafkajs, which keeps them for the whole process. */
export function registerCodecs(): void {
  for (const [type, codec] of codecs) CompressionCodecs[type] = () => codec;
}
