import type { LogRecord } from '../record/record-batch.ts'
import { decodeTransaction, decodeTransactionKey } from '../transaction/transaction-record.ts'
import type { RecordMeaning } from './file-row.ts'

/** What a record of `__transaction_state` says: how far a producer is with its transaction. Throws CORRUPT_BATCH, UNSUPPORTED. */
export function transactionMeaning({ key, value }: LogRecord): RecordMeaning {
  const type = 'TransactionLog'
  const transactionalId = decodeTransactionKey(key)
  if (transactionalId === undefined) return { type, words: 'a record of a newer Kafka', key: null, value: null }
  const about = { type, key: { transactionalId } }
  if (value === null) return { ...about, words: `${transactionalId} is forgotten`, value: null }
  const { producerId, producerEpoch, timeoutMs, state, partitions, ...rest } = decodeTransaction(value)
  const { lastUpdateTimestampMs, startTimestampMs } = rest
  const names = [...partitions].flatMap(([topic, numbers]) => numbers.map((number) => `${topic}-${number}`))
  const where = names.length === 0 ? '' : `, in ${names.join(', ')}`
  return {
    ...about,
    words: `${transactionalId} is ${state}, as producer ${producerId}/${producerEpoch}${where}`,
    value: { producerId, producerEpoch, timeoutMs, state, partitions: names, lastUpdateTimestampMs, startTimestampMs },
  }
}
