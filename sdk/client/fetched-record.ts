import type { InspectOptions } from 'node:util'
import { TidemarkError } from '../errors.ts'
import type { RecordCursor, RecordHeader } from '../record/record-cursor.ts'
import type { FetchedBatch } from './fetched-batch.ts'
import { printed, recordFields, recordJson, SHOW } from './printed.ts'
import { decode, reason } from './serde.ts'
import type { TopicRecord } from './topic-record.ts'

/** "Not looked at yet", for fields in which every other value may be a decoded one. */
const UNREAD = Symbol('unread')

/** One record of a fetched batch. Millions of these pass by, so it holds where things are and reads them when asked. */
export class FetchedRecord<N extends string = string, K = unknown, V = unknown> implements TopicRecord<N, K, V> {
  readonly offset: number
  /** Set by `done()`, and by the loop when it asks for the next record. */
  isProcessed = false
  private readonly batch: FetchedBatch
  /** To the batch's, which keeps it a small integer: those cost no memory of their own. */
  private readonly timestampDelta: number
  private readonly keyStart: number
  private readonly keyEnd: number
  private readonly valueStart: number
  private readonly valueEnd: number
  private readonly headersStart: number
  private readonly headerCount: number
  private decodedKey: unknown = UNREAD
  private decodedValue: unknown = UNREAD

  /** The record the cursor is on. */
  constructor(batch: FetchedBatch, cursor: RecordCursor) {
    this.batch = batch
    this.offset = cursor.offset
    this.timestampDelta = cursor.timestampMs - batch.baseTimestampMs
    this.keyStart = cursor.keyStart
    this.keyEnd = cursor.keyEnd
    this.valueStart = cursor.valueStart
    this.valueEnd = cursor.valueEnd
    this.headersStart = cursor.headersStart
    this.headerCount = cursor.headerCount
  }

  get topic(): N {
    return this.batch.place.topic as N
  }

  get partition(): number {
    return this.batch.place.partition
  }

  get timestampMs(): number {
    return this.batch.baseTimestampMs + this.timestampDelta
  }

  /** Of the batch: the owner's that appended it. */
  get leaderEpoch(): number {
    return this.batch.leaderEpoch
  }

  get id(): string {
    return `${this.batch.place.topic}-${this.batch.place.partition}@${this.offset}`
  }

  get key(): K {
    if (this.decodedKey === UNREAD) {
      try {
        this.decodedKey = decode(this.batch.serdes.key, this.keyBytes)
      } catch (cause) {
        throw this.undecodable('key', cause)
      }
    }
    return this.decodedKey as K
  }

  get value(): V {
    if (this.decodedValue === UNREAD) {
      try {
        this.decodedValue = decode(this.batch.serdes.value, this.valueBytes)
      } catch (cause) {
        throw this.undecodable('value', cause)
      }
    }
    return this.decodedValue as V
  }

  get bytes(): { readonly key: Uint8Array | null; readonly value: Uint8Array | null } {
    return { key: this.keyBytes, value: this.valueBytes }
  }

  get headers(): readonly RecordHeader[] {
    return this.batch.headersAt(this.headersStart, this.headerCount)
  }

  get signal(): AbortSignal {
    return this.batch.prefix.signal
  }

  done(): void {
    this.batch.prefix.done(this)
  }

  toJSON(): object {
    return recordJson(this)
  }

  [SHOW](depth: number | null, options: InspectOptions): string {
    return printed(`TopicRecord ${this.id}`, recordFields(this), depth, options)
  }

  /** The prefix it counts for. */
  get prefix() {
    return this.batch.prefix
  }

  private get keyBytes(): Buffer | null {
    return this.keyStart < 0 ? null : this.batch.recordBytes.subarray(this.keyStart, this.keyEnd)
  }

  private get valueBytes(): Buffer | null {
    return this.valueStart < 0 ? null : this.batch.recordBytes.subarray(this.valueStart, this.valueEnd)
  }

  private undecodable(what: 'key' | 'value', cause: unknown): TidemarkError {
    const { topic, partition } = this.batch.place
    const message = `The ${what} of record ${this.id} cannot be decoded: ${reason(cause)}. Its bytes are in record.bytes.${what}.`
    return new TidemarkError('DECODE_FAILED', message, { topic, partition, offset: this.offset, cause })
  }
}
