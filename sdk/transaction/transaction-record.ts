import { TidemarkError } from '../errors.ts'
import { ByteReader } from '../record/byte-reader.ts'
import { ByteWriter } from '../record/byte-writer.ts'

/** Kafka's states of a transaction, by number. */
export const TRANSACTION_STATES = [
  'Empty',
  'Ongoing',
  'PrepareCommit',
  'PrepareAbort',
  'CompleteCommit',
  'CompleteAbort',
  'Dead',
  'PrepareEpochFence',
] as const

export type TransactionState = (typeof TRANSACTION_STATES)[number]

/** How far a transactional id is with its transaction: a value of `__transaction_state`. Names are those of Kafka's schema. */
export interface Transaction {
  readonly producerId: number
  readonly producerEpoch: number
  readonly timeoutMs: number
  readonly state: TransactionState
  /** By topic, in the order in which they came. */
  readonly partitions: ReadonlyMap<string, readonly number[]>
  readonly lastUpdateTimestampMs: number
  /** −1: none was begun. */
  readonly startTimestampMs: number
  /** −1: the same, or none. */
  readonly previousProducerId: number
  /** Given to the producer when this transaction is complete; −1: it goes on with what it has. */
  readonly nextProducerId: number
  /** From 2 on every transaction has an epoch of its own (KIP-890). */
  readonly clientTransactionVersion: number
}

export const NO_PRODUCER_ID = -1

const KEY_VERSION = 0
/** The first version with compact strings and tagged fields. */
const FLEXIBLE_SINCE = 1
const PREVIOUS_PRODUCER_ID_TAG = 0
const NEXT_PRODUCER_ID_TAG = 1
const CLIENT_TRANSACTION_VERSION_TAG = 2

export function encodeTransactionKey(transactionalId: string): Buffer {
  return new ByteWriter(64).i16(KEY_VERSION).string16(transactionalId).toBuffer()
}

/** Undefined for a record that a newer Kafka writes. Throws CORRUPT_BATCH. */
export function decodeTransactionKey(key: Buffer | null): string | undefined {
  if (key === null) throw new TidemarkError('CORRUPT_BATCH', 'A record of __transaction_state has no key.')
  const reader = new ByteReader(key, 'A key of __transaction_state')
  return reader.i16() === KEY_VERSION ? reader.string16() : undefined
}

/** Version 1 is written where the feature `transaction.version` is at least 1. */
export function encodeTransaction(transaction: Transaction, version: 0 | 1): Buffer {
  const { producerId, producerEpoch, timeoutMs, state, partitions } = transaction
  const writer = new ByteWriter(128).i16(version).i64(producerId).i16(producerEpoch).i32(timeoutMs)
  writer.i8(TRANSACTION_STATES.indexOf(state))
  const topics = state === 'Empty' ? null : [...partitions]
  if (version === 0) {
    writer.nullableArray(topics, (to, [topic, numbers]) => {
      to.string16(topic).array(numbers, (each, number) => each.i32(number))
    })
  } else {
    writer.compactNullableArray(topics, (to, [topic, numbers]) => {
      to.compactString(topic)
        .compactArray(numbers, (each, number) => each.i32(number))
        .taggedFields()
    })
  }
  writer.i64(transaction.lastUpdateTimestampMs).i64(transaction.startTimestampMs)
  return (version === 0 ? writer : writer.taggedFields(tagsOf(transaction))).toBuffer()
}

/** Versions 0 and 1. Throws CORRUPT_BATCH, UNSUPPORTED. */
export function decodeTransaction(value: Buffer): Transaction {
  const reader = new ByteReader(value, 'A transaction')
  const version = reader.i16()
  if (version < 0 || version > FLEXIBLE_SINCE) {
    const message = `A transaction has version ${version}, 0 and 1 are understood: a newer Kafka wrote it.`
    throw new TidemarkError('UNSUPPORTED', message)
  }
  const isFlexible = version >= FLEXIBLE_SINCE
  const head = { producerId: reader.i64(), producerEpoch: reader.i16(), timeoutMs: reader.i32() }
  const number = reader.i8()
  const state = TRANSACTION_STATES[number]
  if (state === undefined)
    throw new TidemarkError('CORRUPT_BATCH', `A transaction has the state ${number}, which is none.`)
  const readTopic = (each: ByteReader): [string, number[]] => {
    const topic = isFlexible ? each.compactString() : each.string16()
    const numbers = isFlexible ? each.compactArray((list) => list.i32()) : each.array((list) => list.i32())
    if (isFlexible) each.taggedFields()
    return [topic, numbers]
  }
  const topics = (isFlexible ? reader.compactNullableArray(readTopic) : reader.nullableArray(readTopic)) ?? []
  const times = { lastUpdateTimestampMs: reader.i64(), startTimestampMs: reader.i64() }
  const tags = isFlexible ? readTags(reader.taggedFields()) : readTags(new Map())
  return { ...head, state, partitions: new Map(topics), ...times, ...tags }
}

function tagsOf(transaction: Transaction): Map<number, Buffer> {
  const { previousProducerId, nextProducerId, clientTransactionVersion } = transaction
  const tags = new Map<number, Buffer>()
  const int64 = (value: number) => new ByteWriter(8).i64(value).toBuffer()
  if (previousProducerId !== NO_PRODUCER_ID) tags.set(PREVIOUS_PRODUCER_ID_TAG, int64(previousProducerId))
  if (nextProducerId !== NO_PRODUCER_ID) tags.set(NEXT_PRODUCER_ID_TAG, int64(nextProducerId))
  if (clientTransactionVersion !== 0) {
    tags.set(CLIENT_TRANSACTION_VERSION_TAG, new ByteWriter(2).i16(clientTransactionVersion).toBuffer())
  }
  return tags
}

function readTags(tags: ReadonlyMap<number, Buffer>) {
  const reader = (tag: number) => {
    const bytes = tags.get(tag)
    return bytes && new ByteReader(bytes, 'A field of a transaction')
  }
  return {
    previousProducerId: reader(PREVIOUS_PRODUCER_ID_TAG)?.i64() ?? NO_PRODUCER_ID,
    nextProducerId: reader(NEXT_PRODUCER_ID_TAG)?.i64() ?? NO_PRODUCER_ID,
    clientTransactionVersion: reader(CLIENT_TRANSACTION_VERSION_TAG)?.i16() ?? 0,
  }
}
