import { snappyCompress } from 'hysnappy'
import { XERIAL_MAGIC } from './snappy.ts'

/** Behind the magic: the version, and the oldest one that can read it. */
const XERIAL_VERSIONS = Buffer.from([0, 0, 0, 1, 0, 0, 0, 1])
/** What snappy-java puts into one block. */
const XERIAL_BLOCK_BYTES = 32_768

/** Snappy as Java clients write it: snappy-java's header, then blocks of 32 KiB behind their lengths. */
export function compressSnappy(bytes: Buffer): Buffer {
  const parts: Uint8Array[] = [XERIAL_MAGIC, XERIAL_VERSIONS]
  for (let begin = 0; begin < bytes.length; begin += XERIAL_BLOCK_BYTES) {
    const block = snappyCompress(bytes.subarray(begin, begin + XERIAL_BLOCK_BYTES))
    const length = Buffer.allocUnsafe(4)
    length.writeInt32BE(block.length)
    // A copy: the block may be a view into memory that the next call writes to.
    parts.push(length, Uint8Array.from(block))
  }
  return Buffer.concat(parts)
}
