import { TidemarkError } from '../errors.ts'
import { readInt64 } from './int64.ts'
import { UUID_BYTES, uuidToText } from './uuid.ts'
import { VarintReader } from './varint-reader.ts'

/**
 * Reads the fields of Kafka's schemas one after the other. Whatever does not fit (an overrun, a negative or lying
 * length, a null where none may be, a number beyond ±2^53) throws CORRUPT_BATCH naming `what` and the position.
 * Byte fields are views, not copies.
 */
export class ByteReader {
  readonly bytes: Buffer
  readonly #what: string
  readonly #varints: VarintReader

  constructor(bytes: Buffer, what = 'The data') {
    this.bytes = bytes
    this.#what = what
    this.#varints = new VarintReader(bytes, 0)
  }

  get position(): number {
    return this.#varints.position
  }

  get remaining(): number {
    return this.bytes.length - this.#varints.position
  }

  i8(): number {
    return this.bytes.readInt8(this.#take(1))
  }

  bool(): boolean {
    return this.bytes[this.#take(1)] !== 0
  }

  i16(): number {
    return this.bytes.readInt16BE(this.#take(2))
  }

  u16(): number {
    return this.bytes.readUInt16BE(this.#take(2))
  }

  i32(): number {
    return this.bytes.readInt32BE(this.#take(4))
  }

  u32(): number {
    return this.bytes.readUInt32BE(this.#take(4))
  }

  i64(): number {
    return readInt64(this.bytes, this.#take(8), `${this.#what}: an int64`)
  }

  /** For the few int64 that use all their bits (hashes). */
  i64AsBigInt(): bigint {
    return this.bytes.readBigInt64BE(this.#take(8))
  }

  uvarint(): number {
    return this.#inside(this.#varints.uvarint())
  }

  /** Zigzag. */
  varint(): number {
    return this.#inside(this.#varints.varint())
  }

  /** Zigzag. */
  varlong(): number {
    return this.#inside(this.#varints.varlong())
  }

  /** 16 bytes as Kafka prints ids: 22 characters. */
  uuid(): string {
    return uuidToText(this.take(UUID_BYTES))
  }

  /** A string behind an int16 length. */
  string16(): string {
    return this.nullableString16() ?? this.#refuseNull('string')
  }

  nullableString16(): string | null {
    return this.#text(this.i16())
  }

  /** Bytes behind an int32 length. */
  bytes32(): Buffer {
    return this.nullableBytes32() ?? this.#refuseNull('byte array')
  }

  nullableBytes32(): Buffer | null {
    const length = this.i32()
    return length === -1 ? null : this.take(length)
  }

  /** A string behind an unsigned varint of its length + 1. */
  compactString(): string {
    return this.compactNullableString() ?? this.#refuseNull('string')
  }

  compactNullableString(): string | null {
    return this.#text(this.uvarint() - 1)
  }

  compactBytes(): Buffer {
    return this.compactNullableBytes() ?? this.#refuseNull('byte array')
  }

  compactNullableBytes(): Buffer | null {
    const length = this.uvarint() - 1
    return length === -1 ? null : this.take(length)
  }

  /** An int32 count of elements, −1 for a null array. Never more than bytes remain: an element takes at least one. */
  arrayCount(): number {
    return this.#count(this.i32())
  }

  /** An unsigned varint of a count + 1; −1 for a null array. Never more than bytes remain. */
  compactArrayCount(): number {
    return this.#count(this.uvarint() - 1)
  }

  /** `arrayCount()` elements; a null array is refused. */
  array<T>(element: (reader: this) => T): T[] {
    return this.#elements(this.arrayCount(), element) ?? this.#refuseNull('array')
  }

  nullableArray<T>(element: (reader: this) => T): T[] | null {
    return this.#elements(this.arrayCount(), element)
  }

  /** `compactArrayCount()` elements; a null array is refused. */
  compactArray<T>(element: (reader: this) => T): T[] {
    return this.#elements(this.compactArrayCount(), element) ?? this.#refuseNull('array')
  }

  compactNullableArray<T>(element: (reader: this) => T): T[] | null {
    return this.#elements(this.compactArrayCount(), element)
  }

  /** Tagged fields by tag, not decoded. */
  taggedFields(): Map<number, Buffer> {
    const fields = new Map<number, Buffer>()
    for (let count = this.#count(this.uvarint()); count > 0; count--) {
      const tag = this.uvarint()
      if (fields.has(tag)) this.#refuse(`tag ${tag} occurs twice`)
      fields.set(tag, this.take(this.uvarint()))
    }
    return fields
  }

  /** The next `length` bytes, as a view. */
  take(length: number): Buffer {
    const start = this.#take(length)
    return this.bytes.subarray(start, start + length)
  }

  /** Refuses bytes behind what has been read. */
  expectEnd(): void {
    if (this.remaining > 0) this.#refuse(`${this.remaining} bytes more than expected`)
  }

  #take(length: number): number {
    const start = this.#varints.position
    if (length < 0 || length > this.bytes.length - start) {
      this.#refuse(`${length} bytes expected, ${this.remaining} are left`)
    }
    this.#varints.position = start + length
    return start
  }

  #text(length: number): string | null {
    if (length === -1) return null
    const start = this.#take(length)
    return this.bytes.toString('utf8', start, start + length)
  }

  #count(count: number): number {
    if (count < -1 || count > this.remaining) this.#refuse(`${count} elements in ${this.remaining} bytes`)
    return count
  }

  #elements<T>(count: number, element: (reader: this) => T): T[] | null {
    if (count === -1) return null
    const elements: T[] = []
    for (let index = 0; index < count; index++) elements.push(element(this))
    return elements
  }

  #inside(value: number): number {
    if (this.#varints.position > this.bytes.length) this.#refuse('it ends inside a number')
    return value
  }

  #refuseNull(type: string): never {
    return this.#refuse(`a null ${type} where none may be`)
  }

  #refuse(reason: string): never {
    throw new TidemarkError('CORRUPT_BATCH', `${this.#what} is damaged at byte ${this.position}: ${reason}.`)
  }
}
