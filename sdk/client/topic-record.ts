import type { RecordHeader } from '../record/record-cursor.ts'

/**
 * A record as a loop gets it. Key and value are decoded when they are first looked at, and only once.
 *
 * Bytes are views into the batch the record came in: copy them (`Uint8Array.from`) to keep them for long.
 */
export interface TopicRecord<N extends string = string, K = string | null, V = Uint8Array> {
  /** Where it is from. */
  readonly topic: N
  /** The partition of it. */
  readonly partition: number
  /** Its number in the partition. */
  readonly offset: number
  /** When it was sent or, with `message.timestamp.type=LogAppendTime`, stored; milliseconds since 1970. */
  readonly timestampMs: number
  /** `payments-0@1851`: unique for ever, so the natural key to find out whether it was done before. */
  readonly id: string
  /** @throws {TidemarkError} DECODE_FAILED, with topic, partition and offset; `bytes.key` stays readable */
  readonly key: K
  /** @throws {TidemarkError} DECODE_FAILED, with topic, partition and offset; `bytes.value` stays readable */
  readonly value: V
  /** As stored. A null value is a tombstone. */
  readonly bytes: { readonly key: Uint8Array | null; readonly value: Uint8Array | null }
  /** In the order they were sent; keys may repeat. */
  readonly headers: readonly RecordHeader[]
  /** Aborts when `done()` no longer counts: the partition was lost to another member, or the consumer was closed. */
  readonly signal: AbortSignal
  /** Says that this record is processed, before the loop asks for the next. Calling it again does nothing. */
  done(): void
}
