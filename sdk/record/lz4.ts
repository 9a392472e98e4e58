import { TidemarkError } from '../errors.ts'

/**
 * Reads LZ4 frames. It is our own because no library for Node fits: lz4js misplaces block checksums and takes damage for
 * data, @platformatic/wasm-utils traps on damage and leaks all it had allocated, native ones would make Tidemark need an
 * addon. The frame's own checksums are not verified: the batch's CRC-32C covers the same bytes.
 *
 *   frame: magic u32le · FLG · BD · [content size u64le] · header checksum · blocks · end mark (0 u32le) · [checksum u32le]
 *   block: size u32le (high bit: stored) · data · [checksum u32le]
 *   data:  sequences of token · [literal length] · literals · offset u16le · [match length]; the last ends at its literals
 */
const FRAME_MAGIC = 0x184d2204
/** Sixteen magics mark frames that readers skip. */
const SKIPPABLE_MAGIC = 0x184d2a50
const VERSION_MASK = 0xc0
const VERSION = 0x40
const INDEPENDENT_FLAG = 0x20
const BLOCK_CHECKSUM_FLAG = 0x10
const CONTENT_SIZE_FLAG = 0x08
const CONTENT_CHECKSUM_FLAG = 0x04
const DICTIONARY_FLAG = 0x01
const STORED_BIT = 0x8000_0000
const MIN_MATCH_BYTES = 4
/** A sequence byte adds at most 255 bytes of output, so a block cannot hold more than this times its size. */
const MAX_RATIO = 255
/** Shorter copies are faster in a loop (1 ns a byte) than in a call (20 ns). */
const COPY_LOOP_MAX_BYTES = 24

interface Frame {
  readonly independent: boolean
  readonly blockMaxBytes: number
  readonly blockChecksumBytes: number
  readonly contentChecksumBytes: number
  readonly contentBytes: number | null
}

/** The content of one or more LZ4 frames. Throws CORRUPT_BATCH for damage and for more than `maxBytes`. */
export function decompressLz4(bytes: Buffer, maxBytes: number): Buffer {
  return new Lz4Decoder(bytes, maxBytes).decode()
}

class Lz4Decoder {
  private readonly input: Buffer
  private readonly maxBytes: number
  private output: Buffer = Buffer.alloc(0)
  private position = 0
  private written = 0

  constructor(input: Buffer, maxBytes: number) {
    this.input = input
    this.maxBytes = maxBytes
  }

  decode(): Buffer {
    do {
      const magic = this.u32()
      if (magic === FRAME_MAGIC) this.frame()
      else if ((magic & ~0xf) === SKIPPABLE_MAGIC) this.take(this.u32())
      else throw this.damaged(`no frame begins with ${magic.toString(16)}`)
    } while (this.position < this.input.length)
    return this.output.subarray(0, this.written)
  }

  private frame(): void {
    const frame = this.header()
    const frameStart = this.written
    for (let size = this.u32(); size !== 0; size = this.u32()) {
      this.block(frame, size, frameStart)
      this.take(frame.blockChecksumBytes)
    }
    this.take(frame.contentChecksumBytes)
    if (frame.contentBytes !== null && frame.contentBytes !== this.written - frameStart) {
      throw this.damaged(`it holds ${this.written - frameStart} bytes and declares ${frame.contentBytes}`)
    }
  }

  private header(): Frame {
    const flags = this.input[this.take(2)]!
    const blockSize = (this.input[this.position - 1]! >> 4) & 7
    if ((flags & VERSION_MASK) !== VERSION || blockSize < 4) throw this.damaged('its header is unknown')
    if (flags & DICTIONARY_FLAG) throw this.damaged('it needs a dictionary')
    const contentAt = flags & CONTENT_SIZE_FLAG ? this.take(8) : -1
    this.take(1)
    return {
      independent: (flags & INDEPENDENT_FLAG) !== 0,
      blockMaxBytes: 1 << (8 + 2 * blockSize),
      blockChecksumBytes: flags & BLOCK_CHECKSUM_FLAG ? 4 : 0,
      contentChecksumBytes: flags & CONTENT_CHECKSUM_FLAG ? 4 : 0,
      contentBytes: contentAt < 0 ? null : Number(this.input.readBigUInt64LE(contentAt)),
    }
  }

  private block(frame: Frame, sizeAndBit: number, frameStart: number): void {
    const stored = sizeAndBit >= STORED_BIT
    const size = stored ? sizeAndBit - STORED_BIT : sizeAndBit
    const start = this.take(size)
    const limit = this.written + this.reserve(stored ? size : Math.min(size * MAX_RATIO, frame.blockMaxBytes))
    if (stored) {
      if (size > frame.blockMaxBytes || this.written + size > limit) throw this.tooLong()
      this.input.copy(this.output, this.written, start, start + size)
      this.written += size
      return
    }
    this.sequences(start, start + size, limit, frame.independent ? this.written : frameStart)
  }

  /** Decodes input `start`…`end`; output must stay below `limit`, matches may reach back to `floor`. */
  private sequences(start: number, end: number, limit: number, floor: number): void {
    const { input, output } = this
    let from = start
    let to = this.written
    for (;;) {
      if (from >= end) throw this.damaged('a block ends inside a sequence')
      const token = input[from++]!
      let literals = token >> 4
      if (literals === 15) {
        let byte = 255
        while (byte === 255 && from < end) literals += byte = input[from++]!
      }
      if (literals > end - from) throw this.damaged('literals end behind their block')
      if (literals > limit - to) throw this.tooLong()
      if (literals > COPY_LOOP_MAX_BYTES) input.copy(output, to, from, from + literals)
      else for (let index = 0; index < literals; index++) output[to + index] = input[from + index]!
      from += literals
      to += literals
      if (from === end) break

      if (end - from < 2) throw this.damaged('a block ends inside a sequence')
      const offset = input[from]! | (input[from + 1]! << 8)
      from += 2
      let length = token & 15
      if (length === 15) {
        let byte = 255
        while (byte === 255 && from < end) length += byte = input[from++]!
      }
      length += MIN_MATCH_BYTES
      if (offset === 0 || offset > to - floor) throw this.damaged(`a match reaches ${offset} bytes back`)
      if (length > limit - to) throw this.tooLong()
      copyMatch(output, to, offset, length)
      to += length
    }
    this.written = to
  }

  /** Makes room for `size` more bytes, or for what is allowed; returns how many fit. */
  private reserve(size: number): number {
    const wanted = Math.min(this.written + size, this.maxBytes)
    if (wanted > this.output.length) {
      const grown = Buffer.allocUnsafeSlow(Math.min(Math.max(wanted, this.output.length * 2), this.maxBytes))
      this.output.copy(grown, 0, 0, this.written)
      this.output = grown
    }
    return wanted - this.written
  }

  private u32(): number {
    return this.input.readUInt32LE(this.take(4))
  }

  private take(length: number): number {
    const start = this.position
    if (length > this.input.length - start) throw this.damaged('it is cut off')
    this.position = start + length
    return start
  }

  private tooLong(): TidemarkError {
    return this.damaged(`it holds more than its block or the ${this.maxBytes} bytes allowed`)
  }

  private damaged(reason: string): TidemarkError {
    return new TidemarkError('CORRUPT_BATCH', `lz4: ${reason} (byte ${this.position} of ${this.input.length})`)
  }
}

/** Copies `length` bytes from `offset` bytes back. Where the two overlap, what was just copied is copied again. */
function copyMatch(output: Buffer, to: number, offset: number, length: number): void {
  const from = to - offset
  if (length <= COPY_LOOP_MAX_BYTES) {
    for (let index = 0; index < length; index++) output[to + index] = output[from + index]!
    return
  }
  // Each round copies all that is there to repeat, which then is twice as much.
  let copied = 0
  for (let size = offset; copied < length; size *= 2) {
    const end = Math.min(size, length - copied)
    output.copyWithin(to + copied, from, from + end)
    copied += end
  }
}
