import { snappyUncompress, snappyUncompressor } from 'hysnappy'
import { TidemarkError } from '../errors.ts'
import { VarintReader } from './varint-reader.ts'

/** How snappy-java begins what it writes: its magic, then a version and the oldest compatible one, int32 each. */
export const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00])
const XERIAL_HEADER_BYTES = XERIAL_MAGIC.length + 8
const XERIAL_LENGTH_BYTES = 4

/** The best a block can do is a copy of 64 bytes in 3: a length beyond this is a lie, and is not allocated. */
const MAX_RATIO = 22

/** Up to this much is decoded in one WebAssembly instance that stays; more gets an instance that goes with its memory. */
const KEPT_INSTANCE_MAX_BYTES = 2 * 1024 * 1024

let kept: ReturnType<typeof snappyUncompressor> | undefined

/**
 * The blocks are decoded by hysnappy: small, kept up, and of those tried the only one that is both bounded on damage
 * (snappyjs can loop for ever on a negative length, @platformatic/wasm-utils leaks what it had allocated) and no addon.
 * It is an ES module only, so it is a development dependency that goes into the bundle.
 *
 * Reads snappy in both forms found in Kafka's logs: snappy-java's ("xerial": a header, then blocks behind their lengths),
 * which Java clients write, and one raw block, which librdkafka and others write.
 * Throws CORRUPT_BATCH for damage and for more than `maxBytes`.
 */
export function decompressSnappy(bytes: Buffer, maxBytes: number): Buffer {
  const blocks = isXerial(bytes) ? xerialBlocks(bytes) : [bytes]
  const sizes = blocks.map(uncompressedSize)
  const total = sizes.reduce((sum, size) => sum + size, 0)
  if (total > maxBytes) throw damaged(`it holds ${total} bytes, more than the ${maxBytes} allowed`)
  if (blocks.length === 1) return uncompressBlock(blocks[0]!, sizes[0]!)
  return Buffer.concat(
    blocks.map((block, index) => uncompressBlock(block, sizes[index]!)),
    total,
  )
}

function isXerial(bytes: Buffer): boolean {
  return bytes.length >= XERIAL_HEADER_BYTES && XERIAL_MAGIC.equals(bytes.subarray(0, XERIAL_MAGIC.length))
}

function xerialBlocks(bytes: Buffer): Buffer[] {
  const blocks: Buffer[] = []
  let position = XERIAL_HEADER_BYTES
  while (position < bytes.length) {
    if (bytes.length - position < XERIAL_LENGTH_BYTES) throw damaged('it ends inside the length of a block')
    const length = bytes.readInt32BE(position)
    position += XERIAL_LENGTH_BYTES
    if (length <= 0 || length > bytes.length - position) throw damaged(`a block declares ${length} bytes`)
    blocks.push(bytes.subarray(position, position + length))
    position += length
  }
  return blocks
}

/** What a block says it holds, refused when a block of its size cannot. */
function uncompressedSize(block: Buffer): number {
  const reader = new VarintReader(block, 0)
  const size = reader.uvarint()
  if (reader.position > block.length) throw damaged('it is empty')
  if (size > block.length * MAX_RATIO) throw damaged(`a block of ${block.length} bytes says it holds ${size}`)
  return size
}

function uncompressBlock(block: Buffer, size: number): Buffer {
  try {
    const bytes = uncompressorFor(block.length + size)(block, size)
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  } catch (cause) {
    throw damaged(cause instanceof Error ? cause.message : String(cause), cause)
  }
}

function uncompressorFor(memoryBytes: number): typeof snappyUncompress {
  if (memoryBytes > KEPT_INSTANCE_MAX_BYTES) return snappyUncompress
  kept ??= snappyUncompressor()
  return kept
}

function damaged(reason: string, cause?: unknown): TidemarkError {
  return new TidemarkError('CORRUPT_BATCH', `snappy: ${reason}`, { cause })
}
