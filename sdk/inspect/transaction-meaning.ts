import { TidemarkError } from '../errors.ts'
import { ByteReader } from '../record/byte-reader.ts'
import type { LogRecord } from '../record/record-batch.ts'
import type { RecordMeaning } from './file-row.ts'

/** Kafka's states of a transaction, by number. */
const STATES = [
  'Empty',
  'Ongoing',
  'PrepareCommit',
  'PrepareAbort',
  'CompleteCommit',
  'CompleteAbort',
  'Dead',
  'PrepareEpochFence',
] as const

/** The first version with compact strings and tagged fields. */
const FLEXIBLE_SINCE = 1

/** What a record of `__transaction_state` says: how far a producer is with its transaction. Throws CORRUPT_BATCH. */
export function transactionMeaning({ key, value }: LogRecord): RecordMeaning {
  const type = 'TransactionLog'
  if (key === null) throw new TidemarkError('CORRUPT_BATCH', 'A record of __transaction_state has no key.')
  const keyReader = new ByteReader(key, 'A key of __transaction_state')
  if (keyReader.i16() !== 0) return { type, words: 'a record of a newer Kafka', key: null, value: null }
  const transactionalId = keyReader.string16()
  const about = { type, key: { transactionalId } }
  if (value === null) return { ...about, words: `${transactionalId} is forgotten`, value: null }
  const fields = readTransaction(new ByteReader(value, 'A transaction'))
  const { producerId, producerEpoch, state, partitions } = fields
  const where = partitions.length === 0 ? '' : `, in ${partitions.join(', ')}`
  return {
    ...about,
    words: `${transactionalId} is ${state}, as producer ${producerId}/${producerEpoch}${where}`,
    value: fields,
  }
}

function readTransaction(reader: ByteReader) {
  const version = reader.i16()
  if (version < 0 || version > FLEXIBLE_SINCE) {
    const message = `A transaction has version ${version}, 0 and 1 are understood: a newer Kafka wrote it.`
    throw new TidemarkError('UNSUPPORTED', message)
  }
  const isFlexible = version >= FLEXIBLE_SINCE
  const head = { producerId: reader.i64(), producerEpoch: reader.i16(), timeoutMs: reader.i32() }
  const state = reader.i8()
  const readTopic = (each: ByteReader): string[] => {
    const topic = isFlexible ? each.compactString() : each.string16()
    const numbers = isFlexible ? each.compactArray((list) => list.i32()) : each.array((list) => list.i32())
    if (isFlexible) each.taggedFields()
    return numbers.map((number) => `${topic}-${number}`)
  }
  const topics = (isFlexible ? reader.compactNullableArray(readTopic) : reader.nullableArray(readTopic)) ?? []
  const times = { lastUpdateTimestampMs: reader.i64(), startTimestampMs: reader.i64() }
  return { ...head, state: STATES[state] ?? state, partitions: topics.flat(), ...times }
}
