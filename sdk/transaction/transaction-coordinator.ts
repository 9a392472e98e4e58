import { assert } from '../assert.ts'
import { TidemarkError } from '../errors.ts'
import type { RecordBatch } from '../record/record-batch.ts'
import { decodeTransaction, decodeTransactionKey, NO_PRODUCER_ID, type Transaction } from './transaction-record.ts'

/** Who sends in a transaction. */
export interface TransactionalProducer {
  readonly producerId: number
  readonly producerEpoch: number
}

export type TransactionResult = 'commit' | 'abort'

export interface TransactionCoordinatorOptions {
  /**
   * Appends what is to hold from now on (null: the id is forgotten) to the id's partition of `__transaction_state` and hands
   * it to `replayBatch`, both before it returns. Throws if it was not appended; nothing has changed then.
   */
  readonly append: (transactionalId: string, transaction: Transaction | null) => void
  readonly nowMs: () => number
  /** The level of the feature `transaction.version`: with 2, every transaction has an epoch of its own (KIP-890). */
  readonly version: () => number
}

/** With this level of `transaction.version`. */
export const EPOCH_PER_TRANSACTION_SINCE = 2
/** The last epoch a producer gets: one more is left to fence it with. */
const LAST_EPOCH = 0x7fff - 1
/** Kafka's `transactional.id.expiration.ms`. */
const EXPIRATION_MS = 7 * 86_400_000

/**
 * Kafka's transaction coordinator: who has which transaction open, in which partitions, and how it ends. Every method
 * computes the next state and appends it; `replayBatch` alone changes it, at start and live alike. Markers are the caller's.
 */
export class TransactionCoordinator {
  readonly #transactions = new Map<string, Transaction>()
  /** Of owners before. Of their last epochs a power loss may have left batches and not the coordinator's record. */
  readonly #old = new Set<string>()
  readonly #options: TransactionCoordinatorOptions

  constructor(options: TransactionCoordinatorOptions) {
    this.#options = options
  }

  /** Throws CORRUPT_BATCH, UNSUPPORTED. */
  replayBatch(batch: RecordBatch): void {
    if (batch.isControl) return
    for (const { key, value } of batch.records()) {
      const transactionalId = decodeTransactionKey(key)
      if (transactionalId === undefined) continue
      if (value === null) this.#transactions.delete(transactionalId)
      else this.#transactions.set(transactionalId, decodeTransaction(value))
    }
  }

  /** All that was written before this ownership is replayed. */
  loaded(): void {
    for (const transactionalId of this.#transactions.keys()) this.#old.add(transactionalId)
  }

  get(transactionalId: string): Transaction | undefined {
    return this.#transactions.get(transactionalId)
  }

  /** Ids whose transaction has not ended. */
  unended(): readonly [transactionalId: string, transaction: Transaction][] {
    return [...this.#transactions].filter(([, transaction]) => isOngoing(transaction) || isPrepared(transaction))
  }

  /** Ids that nobody has used for a week. */
  expired(): readonly string[] {
    const oldest = this.#options.nowMs() - EXPIRATION_MS
    return [...this.#transactions].flatMap(([transactionalId, transaction]) => {
      const isOver = !isOngoing(transaction) && !isPrepared(transaction)
      return isOver && transaction.lastUpdateTimestampMs < oldest ? [transactionalId] : []
    })
  }

  forget(transactionalId: string): void {
    this.#options.append(transactionalId, null)
  }

  /** Whether the next `init` needs a producer id that nobody had. */
  needsProducerId(transactionalId: string): boolean {
    const known = this.get(transactionalId)
    return known === undefined || this.#old.has(transactionalId) || this.hasLastEpoch(transactionalId)
  }

  /** Whether the next `prepare` needs one. */
  hasLastEpoch(transactionalId: string): boolean {
    return (this.get(transactionalId)?.producerEpoch ?? 0) >= LAST_EPOCH
  }

  /**
   * Begins an epoch for the id: whoever used it before is fenced. Throws CONCURRENT_TRANSACTIONS while its transaction has not
   * ended.
   */
  init(transactionalId: string, timeoutMs: number, newProducerId: number | undefined): TransactionalProducer {
    const known = this.get(transactionalId)
    if (known !== undefined && (isOngoing(known) || isPrepared(known))) throw concurrent(transactionalId)
    const isNew = this.needsProducerId(transactionalId)
    assert(!isNew || newProducerId !== undefined, 'a producer id was taken before')
    this.#options.append(transactionalId, {
      producerId: isNew ? newProducerId! : known!.producerId,
      producerEpoch: isNew ? 0 : known!.producerEpoch + 1,
      timeoutMs,
      state: 'Empty',
      partitions: new Map(),
      lastUpdateTimestampMs: this.#options.nowMs(),
      startTimestampMs: -1,
      previousProducerId: isNew ? (known?.producerId ?? NO_PRODUCER_ID) : NO_PRODUCER_ID,
      nextProducerId: NO_PRODUCER_ID,
      clientTransactionVersion: 0,
    })
    this.#old.delete(transactionalId)
    return this.get(transactionalId)!
  }

  /** The producer is about to write to a partition. Throws PRODUCER_FENCED, CONCURRENT_TRANSACTIONS. */
  join(transactionalId: string, producer: TransactionalProducer, topic: string, partition: number): void {
    const known = this.#check(transactionalId, producer)
    if (isPrepared(known)) throw concurrent(transactionalId)
    const numbers = known.partitions.get(topic) ?? []
    if (isOngoing(known) && numbers.includes(partition)) return
    const nowMs = this.#options.nowMs()
    const { startTimestampMs, partitions } = isOngoing(known)
      ? known
      : { startTimestampMs: nowMs, partitions: new Map<string, readonly number[]>() }
    this.#options.append(transactionalId, {
      ...known,
      state: 'Ongoing',
      partitions: new Map(partitions).set(topic, [...numbers, partition]),
      startTimestampMs,
      lastUpdateTimestampMs: nowMs,
      previousProducerId: NO_PRODUCER_ID,
      nextProducerId: NO_PRODUCER_ID,
      clientTransactionVersion: this.#clientVersion,
    })
  }

  /** Whether the producer has an open transaction. */
  isOpen(transactionalId: string, producer: TransactionalProducer): boolean {
    const known = this.get(transactionalId)
    return known !== undefined && isOngoing(known) && isSame(known, producer)
  }

  /**
   * Decides how a transaction ends: once this record survives, it will. False where it had ended so before: the answer to the
   * request may have been lost. Throws PRODUCER_FENCED, CONCURRENT_TRANSACTIONS, INVALID_TXN_STATE.
   */
  prepare(
    transactionalId: string,
    producer: TransactionalProducer,
    result: TransactionResult,
    newProducerId: number | undefined,
  ): boolean {
    const ended = this.#hasEnded(transactionalId, producer)
    if (ended === result) return false
    if (ended !== undefined) throw endedOtherwise(transactionalId, ended)
    this.#checkNotCommitting(transactionalId, producer)
    const known = this.#check(transactionalId, producer)
    if (isPrepared(known)) throw concurrent(transactionalId)
    if (!isOngoing(known)) {
      const message = `"${transactionalId}" has no open transaction to ${result}: it is ${known.state}.`
      throw new TidemarkError('INVALID_TXN_STATE', message)
    }
    const needsProducerId = this.#hasEpochs && this.hasLastEpoch(transactionalId)
    assert(!needsProducerId || newProducerId !== undefined, 'a producer id was taken before')
    this.#prepare(transactionalId, known, result, {
      producerEpoch: this.#hasEpochs ? known.producerEpoch + 1 : known.producerEpoch,
      nextProducerId: needsProducerId ? newProducerId! : NO_PRODUCER_ID,
    })
    return true
  }

  /** Decides that an open transaction is aborted, and that its producer is too late with whatever it still sends. */
  fence(transactionalId: string): void {
    const known = this.get(transactionalId)
    assert(known !== undefined && isOngoing(known), 'an open transaction is fenced')
    const producerEpoch = known.producerEpoch + 1
    this.#prepare(transactionalId, known, 'abort', { producerEpoch, nextProducerId: NO_PRODUCER_ID })
  }

  /** Every partition has its marker. */
  complete(transactionalId: string): void {
    const known = this.get(transactionalId)
    assert(known !== undefined && isPrepared(known), 'a prepared transaction is completed')
    const { producerId, nextProducerId } = known
    const next =
      nextProducerId === NO_PRODUCER_ID
        ? {}
        : {
            producerId: nextProducerId,
            producerEpoch: 0,
            previousProducerId: producerId,
            nextProducerId: NO_PRODUCER_ID,
          }
    this.#options.append(transactionalId, {
      ...known,
      ...next,
      state: known.state === 'PrepareCommit' ? 'CompleteCommit' : 'CompleteAbort',
      partitions: new Map(),
      lastUpdateTimestampMs: this.#options.nowMs(),
    })
  }

  #prepare(
    transactionalId: string,
    known: Transaction,
    result: TransactionResult,
    next: Pick<Transaction, 'producerEpoch' | 'nextProducerId'>,
  ): void {
    this.#options.append(transactionalId, {
      ...known,
      ...next,
      state: result === 'commit' ? 'PrepareCommit' : 'PrepareAbort',
      lastUpdateTimestampMs: this.#options.nowMs(),
      clientTransactionVersion: this.#clientVersion,
    })
  }

  get #hasEpochs(): boolean {
    return this.#options.version() >= EPOCH_PER_TRANSACTION_SINCE
  }

  get #clientVersion(): number {
    return this.#hasEpochs ? this.#options.version() : 0
  }

  #check(transactionalId: string, producer: TransactionalProducer): Transaction {
    const { producerId, producerEpoch } = producer
    const known = this.get(transactionalId)
    if (known !== undefined && isSame(known, producer)) return known
    const now = known === undefined ? 'nobody' : `producer ${known.producerId}/${known.producerEpoch}`
    const message = `Producer ${producerId}/${producerEpoch} no longer has the transactions of "${transactionalId}", ${now} has: its own took too long, or whoever had the directory is gone. It was aborted.`
    throw new TidemarkError('PRODUCER_FENCED', message)
  }

  /** Whoever is told that he is fenced takes his transaction for aborted. */
  #checkNotCommitting(transactionalId: string, producer: TransactionalProducer): void {
    const known = this.get(transactionalId)
    if (known?.state === 'PrepareCommit' && follows(known, producer)) throw concurrent(transactionalId)
  }

  /** How the transaction that the producer wants to end did end, if it has. */
  #hasEnded(transactionalId: string, producer: TransactionalProducer): TransactionResult | undefined {
    const known = this.get(transactionalId)
    if (known === undefined) return undefined
    const { state, previousProducerId } = known
    const result = state === 'CompleteCommit' ? 'commit' : state === 'CompleteAbort' ? 'abort' : undefined
    const wasReplaced = previousProducerId === producer.producerId && producer.producerEpoch >= LAST_EPOCH
    const isOldKind = !this.#hasEpochs && isSame(known, producer)
    return follows(known, producer) || wasReplaced || isOldKind ? result : undefined
  }
}

function isSame({ producerId, producerEpoch }: TransactionalProducer, other: TransactionalProducer): boolean {
  return producerId === other.producerId && producerEpoch === other.producerEpoch
}

/** Whether the epoch is the one that a transaction of the producer ends with. */
function follows({ producerId, producerEpoch }: TransactionalProducer, producer: TransactionalProducer): boolean {
  return producerId === producer.producerId && producerEpoch === producer.producerEpoch + 1
}

export function isOngoing({ state }: Transaction): boolean {
  return state === 'Ongoing'
}

/** Decided, and perhaps not every partition knows. */
export function isPrepared({ state }: Transaction): boolean {
  return state === 'PrepareCommit' || state === 'PrepareAbort'
}

function concurrent(transactionalId: string): TidemarkError {
  return new TidemarkError(
    'CONCURRENT_TRANSACTIONS',
    `The transaction of "${transactionalId}" is just ending: try again.`,
  )
}

function endedOtherwise(transactionalId: string, ended: TransactionResult): TidemarkError {
  const how = ended === 'commit' ? 'committed' : 'aborted: it took too long, or whoever had the directory is gone'
  return new TidemarkError('PRODUCER_FENCED', `The transaction of "${transactionalId}" was ${how}.`)
}
