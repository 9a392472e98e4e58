import { hash } from 'node:crypto'

const SLOT_WORDS = 4
const OFFSET_BYTES = 8
const SLOT_BYTES = SLOT_WORDS * 4 + OFFSET_BYTES
/** Fuller than this, a search takes too many steps. */
const MAX_LOAD = 0.75
/** Keys up to this size stand in their slot as they are; of longer ones a hash does. */
const EXACT_BYTES = 15
/** In the place of the length: no exact key is so long. */
const HASHED = 0xff

/**
 * The newest offset of each key, in a fixed number of bytes: 24 per slot. Of long keys 120 bits of SHA-256 are compared, so
 * nobody can make two keys that compaction takes for one.
 */
export class KeyOffsets {
  /** Keys so far. */
  count = 0
  private readonly slots: number
  private readonly maxKeys: number
  private readonly words: Int32Array
  /** The offset + 1; 0 where the slot is free. */
  private readonly offsets: Float64Array
  /** The key that is looked for, as it would stand in a slot. */
  private readonly wanted = new Int32Array(SLOT_WORDS)
  private readonly wantedBytes = new Uint8Array(this.wanted.buffer)

  constructor(maxKeys: number) {
    this.maxKeys = Math.max(1, maxKeys)
    this.slots = Math.ceil(this.maxKeys / MAX_LOAD) + 1
    this.words = new Int32Array(this.slots * SLOT_WORDS)
    this.offsets = new Float64Array(this.slots)
  }

  /** How many keys fit into so many bytes. */
  static capacityOf(bytes: number): number {
    return Math.max(1, Math.floor((Math.floor(bytes / SLOT_BYTES) - 2) * MAX_LOAD))
  }

  get isFull(): boolean {
    return this.count >= this.maxKeys
  }

  get sizeBytes(): number {
    return this.slots * SLOT_BYTES
  }

  /** Notes an offset for the key in `bytes` from `start` to `end`. Offsets come in ascending order. Only while not full. */
  put(bytes: Buffer, start: number, end: number, offset: number): void {
    const slot = this.find(bytes, start, end)
    if (this.offsets[slot] === 0) {
      this.count++
      this.words.set(this.wanted, slot * SLOT_WORDS)
    }
    this.offsets[slot] = offset + 1
  }

  /** −1 for a key that was never put. */
  get(bytes: Buffer, start: number, end: number): number {
    return this.offsets[this.find(bytes, start, end)]! - 1
  }

  /** The slot that has the key, or the one it would get. */
  private find(bytes: Buffer, start: number, end: number): number {
    this.want(bytes, start, end)
    const { wanted, words, offsets, slots } = this
    const [a, b, c, d] = wanted as unknown as [number, number, number, number]
    let mixed = Math.imul(
      a ^ Math.imul(b, 0x85eb_ca6b) ^ Math.imul(c, 0xc2b2_ae35) ^ Math.imul(d, 0x27d4_eb2f),
      0x9e37_79b1,
    )
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x85eb_ca6b)
    let slot = Math.floor(((mixed ^ (mixed >>> 13)) >>> 0) * (slots / 0x1_0000_0000))
    while (offsets[slot] !== 0) {
      const at = slot * SLOT_WORDS
      if (words[at] === a && words[at + 1] === b && words[at + 2] === c && words[at + 3] === d) return slot
      slot = slot + 1 === slots ? 0 : slot + 1
    }
    return slot
  }

  private want(bytes: Buffer, start: number, end: number): void {
    const { wantedBytes } = this
    const length = end - start
    if (length <= EXACT_BYTES) {
      wantedBytes.fill(0)
      for (let at = 0; at < length; at++) wantedBytes[at] = bytes[start + at]!
      wantedBytes[EXACT_BYTES] = length
      return
    }
    const digest = hash('sha256', bytes.subarray(start, end), 'buffer')
    for (let at = 0; at < EXACT_BYTES; at++) wantedBytes[at] = digest[at]!
    wantedBytes[EXACT_BYTES] = HASHED
  }
}
