import { TidemarkError } from '../errors.ts'
import { VARLONG_MAX_BYTES } from './varint.ts'

const TWO_POW_27 = 0x800_0000

/**
 * Reads varints at a position that moves on. Reading past the buffer yields zeros and moves the position beyond its
 * end, so whoever reads compares `position` with the end once, after several reads, instead of before each.
 */
export class VarintReader {
  readonly buffer: Buffer
  position: number

  constructor(buffer: Buffer, position: number) {
    this.buffer = buffer
    this.position = position
  }

  /** A zigzag varint: an int32. */
  varint(): number {
    const { buffer } = this
    let position = this.position
    let value = buffer[position++]!
    if (value > 0x7f) {
      // One and two bytes are nearly all there are.
      const next = buffer[position++]!
      if (next > 0x7f) return this.longVarint()
      value = (value & 0x7f) | (next << 7)
    }
    this.position = position
    return (value >>> 1) ^ -(value & 1)
  }

  /** A zigzag varlong as a number. Throws CORRUPT_BATCH beyond ±2^53. */
  varlong(): number {
    const { buffer } = this
    let position = this.position
    let value = buffer[position++]!
    if (value > 0x7f) {
      const next = buffer[position++]!
      if (next > 0x7f) return this.longVarlong()
      value = (value & 0x7f) | (next << 7)
    }
    this.position = position
    return (value >>> 1) ^ -(value & 1)
  }

  /** An unsigned varint: 0 … 2^32 − 1. */
  uvarint(): number {
    const { buffer } = this
    let position = this.position
    let byte = buffer[position++]!
    let value = byte & 0x7f
    for (let shift = 7; byte > 0x7f; shift += 7) {
      if (shift > 28) this.refuse('a varint is longer than 5 bytes')
      byte = buffer[position++]!
      value |= (byte & 0x7f) << shift
    }
    this.position = position
    return value >>> 0
  }

  private longVarint(): number {
    const value = this.uvarint()
    return (value >>> 1) ^ -(value & 1)
  }

  /** A varlong by its low 28 bits and the rest, which together may be more than a number holds. */
  private longVarlong(): number {
    let position = this.position
    let low = 0
    let high = 0
    let scale = 1
    let byte = 0x80
    for (let group = 0; byte > 0x7f; group++) {
      if (group === VARLONG_MAX_BYTES) this.refuse('a varlong is longer than 10 bytes')
      byte = this.buffer[position++]!
      if (group < 4) {
        low |= (byte & 0x7f) << (7 * group)
      } else {
        high += (byte & 0x7f) * scale
        scale *= 0x80
      }
    }
    // Zigzag: the number is (high · 2^28 + low) / 2, or, when the lowest bit is set, −1 less that.
    const magnitude = high * TWO_POW_27 + (low >>> 1)
    const value = low & 1 ? -magnitude - 1 : magnitude
    if (!Number.isSafeInteger(value)) this.refuse('a varlong is beyond ±2^53')
    this.position = position
    return value
  }

  /** Throws what damage means to whoever reads. */
  protected refuse(reason: string): never {
    throw new TidemarkError('CORRUPT_BATCH', `The bytes at ${this.position} are damaged: ${reason}.`)
  }
}
