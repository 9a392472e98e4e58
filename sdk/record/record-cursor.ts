import { TidemarkError } from '../errors.ts'
import type { Header } from './header.ts'
import { VarintReader } from './varint-reader.ts'

/** Where the records of one batch are, and what their deltas are relative to. */
export interface RecordsView {
  /** Uncompressed records, from `start` to `end`. */
  readonly buffer: Buffer
  readonly start: number
  readonly end: number
  readonly count: number
  readonly baseOffset: number
  readonly lastOffsetDelta: number
  readonly baseTimestampMs: number
  /** The timestamp of every record when the log's owner set it; null when each record has its own. */
  readonly logAppendTimeMs: number | null
}

/** A record's header as it is read. */
export interface RecordHeader extends Header {
  /** A view into the batch; null is not the same as no bytes. */
  readonly value: Buffer | null
}

/** Shared, so that a record without headers costs nothing for them. */
const NO_HEADERS: readonly RecordHeader[] = Object.freeze([])

/**
 * Walks the records of a batch without allocating: `next()` moves on, the fields tell where in `buffer` things are.
 * Each record is checked in full (lengths, deltas, headers) as it is reached; damage throws CORRUPT_BATCH.
 *
 *   record: length varint · attributes i8 (unused) · timestampDelta varlong · offsetDelta varint
 *           keyLength varint (−1 null) · key · valueLength varint (−1 null) · value
 *           headerCount varint · headers: keyLength varint · key · valueLength varint (−1 null) · value
 */
export class RecordCursor extends VarintReader {
  offset = -1
  timestampMs = -1
  /** Both −1 when the key is null. */
  keyStart = -1
  keyEnd = -1
  /** Both −1 when the value is null. */
  valueStart = -1
  valueEnd = -1
  headersStart = -1
  headerCount = 0

  private readonly view: RecordsView
  private readonly baseOffset: number
  private readonly lastOffsetDelta: number
  private readonly baseTimestampMs: number
  /** LogAppendTime: the deltas do not count. */
  private readonly hasOneTimestamp: boolean
  private readonly end: number
  private offsetDelta = -1
  private left: number

  constructor(view: RecordsView) {
    super(view.buffer, view.start)
    this.view = view
    this.baseOffset = view.baseOffset
    this.lastOffsetDelta = view.lastOffsetDelta
    this.hasOneTimestamp = view.logAppendTimeMs !== null
    this.baseTimestampMs = view.logAppendTimeMs ?? view.baseTimestampMs
    this.end = view.end
    this.left = view.count
  }

  /** Moves to the next record; false behind the last one. Throws CORRUPT_BATCH. */
  next(): boolean {
    if (this.left === 0) return this.finish()
    this.left--
    const length = this.varint()
    const end = this.position + length
    if (end > this.end) this.refuse(`a record of ${length} bytes does not fit`)
    this.position++
    const timestampDelta = this.varlong()
    const offsetDelta = this.varint()
    const keyLength = this.varint()
    this.keyStart = keyLength < 0 ? -1 : this.position
    this.keyEnd = keyLength < 0 ? -1 : this.position + keyLength
    if (keyLength > 0) this.position += keyLength
    const valueLength = this.varint()
    this.valueStart = valueLength < 0 ? -1 : this.position
    this.valueEnd = valueLength < 0 ? -1 : this.position + valueLength
    if (valueLength > 0) this.position += valueLength
    this.headerCount = this.varint()
    this.headersStart = this.position
    if (this.headerCount !== 0) this.skipHeaders(end)
    if (this.position !== end || keyLength < -1 || valueLength < -1) {
      this.refuse(`a record declares ${length} bytes, which its parts do not fill`)
    }
    if (offsetDelta <= this.offsetDelta || offsetDelta > this.lastOffsetDelta) {
      this.refuse(`offset delta ${offsetDelta} follows ${this.offsetDelta}`)
    }
    this.offsetDelta = offsetDelta
    this.offset = this.baseOffset + offsetDelta
    const timestampMs = this.hasOneTimestamp ? this.baseTimestampMs : this.baseTimestampMs + timestampDelta
    if (!Number.isSafeInteger(timestampMs)) this.refuse('a timestamp is beyond ±2^53')
    this.timestampMs = timestampMs
    return true
  }

  /** A view of the key. */
  key(): Buffer | null {
    return this.keyStart < 0 ? null : this.buffer.subarray(this.keyStart, this.keyEnd)
  }

  /** A view of the value. */
  value(): Buffer | null {
    return this.valueStart < 0 ? null : this.buffer.subarray(this.valueStart, this.valueEnd)
  }

  /** The headers of the record the cursor is on; their values are views. */
  headers(): readonly RecordHeader[] {
    if (this.headerCount === 0) return NO_HEADERS
    const { buffer } = this
    const reader = new VarintReader(buffer, this.headersStart)
    const headers: RecordHeader[] = []
    for (let index = 0; index < this.headerCount; index++) {
      const keyEnd = reader.varint() + reader.position
      const key = buffer.toString('utf8', reader.position, keyEnd)
      reader.position = keyEnd
      const valueLength = reader.varint()
      if (valueLength < 0) {
        headers.push({ key, value: null })
        continue
      }
      headers.push({ key, value: buffer.subarray(reader.position, reader.position + valueLength) })
      reader.position += valueLength
    }
    return headers
  }

  private skipHeaders(end: number): void {
    const { headerCount } = this
    if (headerCount < 0 || headerCount > end - this.position) this.refuse(`a record declares ${headerCount} headers`)
    for (let index = 0; index < headerCount; index++) {
      if (this.position >= end) this.refuse(`a record declares ${headerCount} headers and has ${index}`)
      const keyLength = this.varint()
      if (keyLength < 0) this.refuse('a header has no key')
      this.position += keyLength
      const valueLength = this.varint()
      if (valueLength < -1) this.refuse(`a header value has ${valueLength} bytes`)
      if (valueLength > 0) this.position += valueLength
    }
  }

  private finish(): false {
    if (this.position !== this.end) this.refuse(`${this.end - this.position} bytes follow its last record`)
    return false
  }

  protected override refuse(reason: string): never {
    const { baseOffset, count } = this.view
    // Behind the end every further `next()` fails too: no record is made up from what follows the damage.
    this.position = this.end + 1
    throw new TidemarkError(
      'CORRUPT_BATCH',
      `The batch at offset ${baseOffset} is damaged at its record ${count - this.left} of ${count}: ${reason}.`,
      { offset: baseOffset },
    )
  }
}
