import { BLOCK_BYTES, findRepeats, MIN_REPEAT_BYTES } from './lz4-repeats.ts'

/** Version 1, independent blocks, at most 64 KiB each; the last byte is the checksum of the two before it. As Kafka's clients. */
const FRAME_HEADER = Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82])
const STORED_BIT = 0x8000_0000
const LENGTH_BYTES = 4

/**
 * One LZ4 frame, fast and without much search; see `lz4.ts` for the format, and why it is our own. A block that does not
 * shrink is stored.
 */
export function compressLz4(bytes: Buffer): Buffer {
  const blocks = Math.ceil(bytes.length / BLOCK_BYTES)
  const output = Buffer.allocUnsafe(
    FRAME_HEADER.length + bytes.length + blocks * (LENGTH_BYTES + worstGrowth()) + LENGTH_BYTES,
  )
  let at = FRAME_HEADER.copy(output)
  for (let begin = 0; begin < bytes.length; begin += BLOCK_BYTES) {
    const end = Math.min(begin + BLOCK_BYTES, bytes.length)
    const written = writeBlock(bytes, begin, end, output, at + LENGTH_BYTES)
    const isStored = written >= end - begin
    if (isStored) bytes.copy(output, at + LENGTH_BYTES, begin, end)
    const size = isStored ? end - begin : written
    output.writeUInt32LE(isStored ? size + STORED_BIT : size, at)
    at += LENGTH_BYTES + size
  }
  output.writeUInt32LE(0, at)
  return output.subarray(0, at + LENGTH_BYTES)
}

/** Bytes by which a block of literals only may grow: its token and the bytes of its length. */
function worstGrowth(): number {
  return 16 + Math.ceil(BLOCK_BYTES / 255)
}

function writeBlock(input: Buffer, begin: number, end: number, output: Buffer, from: number): number {
  let at = from
  const literals = findRepeats(input, begin, end, (start, stop, offset, length) => {
    at = writeLiterals(input, start, stop, Math.min(length - MIN_REPEAT_BYTES, 15), output, at)
    output.writeUInt16LE(offset, at)
    at = writeLength(length - MIN_REPEAT_BYTES, output, at + 2)
  })
  return writeLiterals(input, literals, end, 0, output, at) - from
}

/** The token, whose lower half is the length of the repeat behind it, and the literals. */
function writeLiterals(input: Buffer, start: number, end: number, low: number, output: Buffer, from: number): number {
  const length = end - start
  output[from] = (Math.min(length, 15) << 4) | low
  const at = writeLength(length, output, from + 1)
  input.copy(output, at, start, end)
  return at + length
}

/** What of a length does not fit into half a token. */
function writeLength(length: number, output: Buffer, from: number): number {
  let at = from
  if (length < 15) return at
  let rest = length - 15
  for (; rest >= 255; rest -= 255) output[at++] = 255
  output[at++] = rest
  return at
}
