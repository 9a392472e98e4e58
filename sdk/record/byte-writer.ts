import { assert } from '../assert.ts'
import { writeInt64 } from './int64.ts'
import { uuidFromText } from './uuid.ts'
import { VARINT_MAX_BYTES, VARLONG_MAX_BYTES, writeUvarint, writeVarint, writeVarlong } from './varint.ts'

const INT16_MAX = 0x7fff
const INT32_MAX = 0x7fff_ffff

/** Writes the fields of Kafka's schemas one after the other into a buffer that grows: the mirror of `ByteReader`. */
export class ByteWriter {
  #buffer: Buffer
  #position = 0

  constructor(capacityBytes = 256) {
    this.#buffer = Buffer.allocUnsafe(capacityBytes)
  }

  get sizeBytes(): number {
    return this.#position
  }

  i8(value: number): this {
    this.#position = this.#room(1).writeInt8(value, this.#position)
    return this
  }

  bool(value: boolean): this {
    return this.i8(value ? 1 : 0)
  }

  i16(value: number): this {
    this.#position = this.#room(2).writeInt16BE(value, this.#position)
    return this
  }

  u16(value: number): this {
    this.#position = this.#room(2).writeUInt16BE(value, this.#position)
    return this
  }

  i32(value: number): this {
    this.#position = this.#room(4).writeInt32BE(value, this.#position)
    return this
  }

  u32(value: number): this {
    this.#position = this.#room(4).writeUInt32BE(value, this.#position)
    return this
  }

  i64(value: number | bigint): this {
    if (typeof value === 'bigint') {
      this.#position = this.#room(8).writeBigInt64BE(value, this.#position)
      return this
    }
    assert(Number.isSafeInteger(value), 'an int64 given as a number is a safe integer')
    writeInt64(this.#room(8), this.#position, value)
    this.#position += 8
    return this
  }

  uvarint(value: number): this {
    this.#position = writeUvarint(this.#room(VARINT_MAX_BYTES), this.#position, value)
    return this
  }

  /** Zigzag. */
  varint(value: number): this {
    this.#position = writeVarint(this.#room(VARINT_MAX_BYTES), this.#position, value)
    return this
  }

  /** Zigzag. */
  varlong(value: number): this {
    this.#position = writeVarlong(this.#room(VARLONG_MAX_BYTES), this.#position, value)
    return this
  }

  /** The 16 bytes of an id of 22 characters. */
  uuid(text: string): this {
    return this.raw(uuidFromText(text))
  }

  /** A string behind an int16 length. */
  string16(value: string): this {
    return this.nullableString16(value)
  }

  nullableString16(value: string | null): this {
    if (value === null) return this.i16(-1)
    const length = Buffer.byteLength(value)
    assert(length <= INT16_MAX, 'a string fits its int16 length')
    return this.i16(length).#text(value, length)
  }

  /** Bytes behind an int32 length. */
  bytes32(value: Uint8Array): this {
    return this.nullableBytes32(value)
  }

  nullableBytes32(value: Uint8Array | null): this {
    return value === null ? this.i32(-1) : this.i32(value.length).raw(value)
  }

  /** A string behind an unsigned varint of its length + 1. */
  compactString(value: string): this {
    return this.compactNullableString(value)
  }

  compactNullableString(value: string | null): this {
    if (value === null) return this.uvarint(0)
    const length = Buffer.byteLength(value)
    return this.uvarint(length + 1).#text(value, length)
  }

  compactBytes(value: Uint8Array): this {
    return this.compactNullableBytes(value)
  }

  compactNullableBytes(value: Uint8Array | null): this {
    return value === null ? this.uvarint(0) : this.uvarint(value.length + 1).raw(value)
  }

  /** An int32 count, −1 for a null array. */
  arrayCount(count: number): this {
    return this.i32(count)
  }

  /** An unsigned varint of the count + 1; −1 for a null array. */
  compactArrayCount(count: number): this {
    return this.uvarint(count + 1)
  }

  array<T>(elements: readonly T[], element: (writer: this, value: T) => void): this {
    return this.nullableArray(elements, element)
  }

  nullableArray<T>(elements: readonly T[] | null, element: (writer: this, value: T) => void): this {
    this.arrayCount(elements?.length ?? -1)
    return this.#elements(elements, element)
  }

  compactArray<T>(elements: readonly T[], element: (writer: this, value: T) => void): this {
    return this.compactNullableArray(elements, element)
  }

  compactNullableArray<T>(elements: readonly T[] | null, element: (writer: this, value: T) => void): this {
    this.compactArrayCount(elements?.length ?? -1)
    return this.#elements(elements, element)
  }

  /** Tagged fields, already encoded, in the order of their tags whatever the map's. None by default. */
  taggedFields(fields: ReadonlyMap<number, Uint8Array> = new Map()): this {
    this.uvarint(fields.size)
    for (const [tag, value] of [...fields].sort(([a], [b]) => a - b)) this.uvarint(tag).uvarint(value.length).raw(value)
    return this
  }

  /** Bytes as they are. */
  raw(bytes: Uint8Array): this {
    this.#room(bytes.length).set(bytes, this.#position)
    this.#position += bytes.length
    return this
  }

  /** What has been written, as a view: write no more afterwards, or `reset()` only once the bytes are used up. */
  toBuffer(): Buffer {
    return this.#buffer.subarray(0, this.#position)
  }

  /** Starts again in the same memory. */
  reset(): void {
    this.#position = 0
  }

  #text(value: string, length: number): this {
    this.#position += this.#room(length).write(value, this.#position, 'utf8')
    return this
  }

  #elements<T>(elements: readonly T[] | null, element: (writer: this, value: T) => void): this {
    if (elements !== null) for (const value of elements) element(this, value)
    return this
  }

  /** The buffer, replaced by a larger one where `length` more bytes would not fit. */
  #room(length: number): Buffer {
    const needed = this.#position + length
    if (needed <= this.#buffer.length) return this.#buffer
    assert(needed <= INT32_MAX, 'what is written fits an int32 length')
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2))
    this.#buffer.copy(grown, 0, 0, this.#position)
    this.#buffer = grown
    return grown
  }
}
