import type { DataDirectory } from '../directory/data-directory.ts'
import type { Environment, Timer } from '../environment/environment.ts'
import { TidemarkError } from '../errors.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import { encodeBatch } from '../record/batch-builder.ts'
import { RecordBatch } from '../record/record-batch.ts'
import { encodeControlRecord } from '../topic/control-record.ts'
import { CONSUMER_OFFSETS_TOPIC, TRANSACTION_STATE_TOPIC } from '../topic/topic-name.ts'
import {
  EPOCH_PER_TRANSACTION_SINCE,
  isOngoing,
  isPrepared,
  type TransactionalProducer,
  TransactionCoordinator,
} from '../transaction/transaction-coordinator.ts'
import { encodeTransaction, encodeTransactionKey, type Transaction } from '../transaction/transaction-record.ts'
import type {
  EndTxnRequest,
  InitProducerIdResponse,
  OffsetCommitResponse,
  TopicPartition,
  TxnOffsetCommitRequest,
} from './broker.ts'
import { replayCoordinatorLog } from './coordinator-replay.ts'
import { CoordinatorTopic } from './coordinator-topic.ts'
import type { LedPartition, LedPartitions } from './led-partitions.ts'
import type { MetadataLog } from './metadata-log.ts'
import type { OwnerGroups } from './owner-groups.ts'
import type { OwnerTopics } from './owner-topics.ts'
import type { ProducerIds } from './producer-ids.ts'

/** When an ending that failed half way is tried again. */
const RETRY_MS = 10_000
const DAMAGE = 'A transaction whose end stood there is aborted.'

interface Parts {
  readonly metadata: MetadataLog
  readonly partitions: LedPartitions
  readonly groups: OwnerGroups
  readonly producerIds: ProducerIds
  readonly topics: () => OwnerTopics
}

type Marker = Parameters<typeof encodeControlRecord>[0]

/**
 * The transactions of an owned directory: `__transaction_state` behind the coordinator, markers in every partition of a
 * transaction that ends, and a timer for those that stay open.
 *
 * A transaction is committed at one moment: when its `PrepareCommit` survives, which is written when everything of it does.
 * Whoever owns the directory next writes what is missing of the markers; what was not decided it aborts.
 */
export class OwnerTransactions {
  readonly #environment: Environment
  readonly #directory: DataDirectory
  readonly #parts: Parts
  readonly #topic: CoordinatorTopic
  readonly #coordinator: TransactionCoordinator
  /** Those whose markers are being written. */
  readonly #completing = new Map<string, Promise<void>>()
  #timer: Timer | undefined
  #dueMs = Number.POSITIVE_INFINITY

  constructor(environment: Environment, directory: DataDirectory, parts: Parts) {
    this.#environment = environment
    this.#directory = directory
    this.#parts = parts
    const { metadata, partitions, topics } = parts
    const create = () => topics().createTransactionTopic()
    this.#topic = new CoordinatorTopic(TRANSACTION_STATE_TOPIC, { metadata, partitions, create })
    const { clock } = environment
    this.#coordinator = new TransactionCoordinator({
      append: (transactionalId, transaction) => this.#append(transactionalId, transaction),
      nowMs: () => clock.nowMs(),
      version: () => this.#version,
    })
  }

  /** Replays what stands on the disk, ends what was decided, and aborts the rest: its producers are gone. */
  async load(): Promise<void> {
    const warn = (message: string) => this.#environment.process.emitWarning(message, 'TIDEMARK_TRANSACTIONS_DAMAGED')
    for (const log of this.#topic.logs()) {
      replayCoordinatorLog(log, 0, (batch) => this.#coordinator.replayBatch(batch), warn, DAMAGE)
    }
    this.#coordinator.loaded()
    for (const [transactionalId] of this.#coordinator.unended()) await this.#endLeftOver(transactionalId)
    for (const log of this.#directory.openLogs()) await this.#abortUnknown(log)
    for (const transactionalId of this.#coordinator.expired()) {
      await this.#topic.lead(transactionalId)
      this.#coordinator.forget(transactionalId)
    }
  }

  async init(transactionalId: string, timeoutMs: number): Promise<InitProducerIdResponse> {
    if (transactionalId === '') throw new TidemarkError('INVALID_ARGUMENT', 'A transactional id has a character.')
    await this.#topic.lead(transactionalId)
    await this.#endLeftOver(transactionalId)
    const { producerIds } = this.#parts
    const newProducerId = this.#coordinator.needsProducerId(transactionalId) ? await producerIds.take() : undefined
    return identity(this.#coordinator.init(transactionalId, timeoutMs, newProducerId))
  }

  /** A producer is about to write to a partition that this ownership leads. Throws PRODUCER_FENCED, CONCURRENT_TRANSACTIONS. */
  join(transactionalId: string, producer: TransactionalProducer, { topic, partition }: TopicPartition): void {
    this.#coordinator.join(transactionalId, producer, topic, partition)
    const { startTimestampMs, timeoutMs } = this.#coordinator.get(transactionalId)!
    this.#lookAt(startTimestampMs + timeoutMs)
  }

  async commitOffsets(request: TxnOffsetCommitRequest): Promise<OffsetCommitResponse> {
    return await this.#parts.groups.commitInTransaction(request, (topic, partition) => {
      this.join(request.transactionalId, request, { topic, partition })
    })
  }

  async end({ transactionalId, result, ...producer }: EndTxnRequest): Promise<InitProducerIdResponse> {
    const { producerIds } = this.#parts
    const led = await this.#topic.lead(transactionalId)
    const newProducerId = this.#coordinator.hasLastEpoch(transactionalId) ? await producerIds.take() : undefined
    const commits = result === 'commit' && this.#coordinator.isOpen(transactionalId, producer)
    const partitions = this.#coordinator.get(transactionalId)?.partitions ?? new Map()
    if (commits) await this.#makeSafe(transactionalId, partitions)
    // Who got no answer asks again: it gets the same one.
    await this.#completing.get(transactionalId)?.catch(() => {})
    if (this.#coordinator.prepare(transactionalId, producer, result, newProducerId)) {
      await this.#complete(transactionalId)
    }
    const next = identity(this.#coordinator.get(transactionalId)!)
    // Where transactions share an epoch, the next one must not be taken for this one.
    if (this.#version < EPOCH_PER_TRANSACTION_SINCE) await led.log.flush()
    return next
  }

  close(): void {
    this.#timer?.cancel()
    this.#dueMs = Number.NEGATIVE_INFINITY
  }

  get #version(): number {
    return this.#parts.metadata.image.features.get('transaction.version') ?? 0
  }

  /** Decided while its records are not safe, it would outlive them. What cannot be made safe is aborted. */
  async #makeSafe(transactionalId: string, partitions: Transaction['partitions']): Promise<void> {
    try {
      await this.#flushAll(partitions)
    } catch (error) {
      // Where that fails too, it is tried again later.
      await this.#endLeftOver(transactionalId).catch(() => {})
      throw error
    }
  }

  /** Aborts what is open, and completes what was decided. */
  async #endLeftOver(transactionalId: string): Promise<void> {
    if (this.#coordinator.get(transactionalId) === undefined) return
    await this.#topic.lead(transactionalId)
    if (isOngoing(this.#coordinator.get(transactionalId)!)) this.#coordinator.fence(transactionalId)
    if (isPrepared(this.#coordinator.get(transactionalId)!)) await this.#complete(transactionalId)
  }

  /** Tells all of its partitions of a transaction that is decided; several callers share it. */
  #complete(transactionalId: string): Promise<void> {
    const known = this.#completing.get(transactionalId)
    if (known !== undefined) return known
    const completing = this.#tellAll(transactionalId)
      .catch((error: unknown) => {
        this.#lookAt(this.#environment.clock.nowMs() + RETRY_MS)
        throw error
      })
      .finally(() => this.#completing.delete(transactionalId))
    this.#completing.set(transactionalId, completing)
    return completing
  }

  async #tellAll(transactionalId: string): Promise<void> {
    const { log, leaderEpoch, survives } = this.#topic.led(transactionalId)!
    const transaction = this.#coordinator.get(transactionalId)!
    const { state, partitions } = transaction
    const isCommit = state === 'PrepareCommit'
    // Whoever has the directory next must not decide otherwise than partitions were told.
    if (isCommit && survives === 'power-loss') await log.flush()
    await this.#writeMarkers(transaction, { type: isCommit ? 'Commit' : 'Abort', coordinatorEpoch: leaderEpoch })
    // Once it stands as complete nobody makes up for a marker that a power loss took. Without one it is aborted.
    if (isCommit) await this.#flushAll(partitions)
    this.#coordinator.complete(transactionalId)
  }

  /** A partition that refuses its marker keeps it from no other. */
  async #writeMarkers(transaction: Transaction, marker: Marker): Promise<void> {
    const { partitions } = this.#parts
    const failures: unknown[] = []
    for (const [topic, numbers] of transaction.partitions) {
      for (const partition of numbers) {
        // A topic may have been deleted since.
        if (!partitions.exists(topic, partition)) continue
        try {
          const led = partitions.led(topic, partition) ?? (await partitions.lead(topic, partition))
          if (isOpenIn(led.log, transaction)) this.#mark(led, transaction, marker)
        } catch (error) {
          failures.push(error)
        }
      }
    }
    if (failures.length > 0) throw failures[0]
  }

  /** After a power loss, records may be there of which the coordinator knows nothing. They hold readers up for ever. */
  async #abortUnknown(log: PartitionLog): Promise<void> {
    for (const entry of log.producers.open) {
      const led = await this.#parts.partitions.lead(log.topic, log.partition)
      this.#mark(led, entry, { type: 'Abort', coordinatorEpoch: entry.coordinatorEpoch })
    }
  }

  #mark(led: LedPartition, { producerId, producerEpoch }: TransactionalProducer, marker: Marker): void {
    const record = { ...encodeControlRecord(marker), timestampMs: this.#environment.clock.nowMs() }
    const bytes = encodeBatch([record], { producerId, producerEpoch, isTransactional: true, isControl: true })
    this.#parts.partitions.append(led, bytes)
    const { log, survives } = led
    if (log.topic === CONSUMER_OFFSETS_TOPIC) this.#parts.groups.replayMarker(log.partition, new RecordBatch(bytes))
    // Readers see it then.
    if (survives === 'power-loss') log.flush().catch(() => {})
  }

  async #flushAll(partitions: Transaction['partitions']): Promise<void> {
    const flushes: Promise<void>[] = []
    for (const [topic, numbers] of partitions) {
      for (const partition of numbers) {
        const led = this.#parts.partitions.led(topic, partition)
        if (led?.survives === 'power-loss') flushes.push(led.log.flush())
      }
    }
    await Promise.all(flushes)
  }

  #append(transactionalId: string, transaction: Transaction | null): void {
    const led = this.#topic.led(transactionalId)
    if (led === undefined)
      throw new TidemarkError('PRODUCER_FENCED', `Nobody has begun a transaction of "${transactionalId}".`)
    const version = this.#version >= 1 ? 1 : 0
    const record = {
      key: encodeTransactionKey(transactionalId),
      value: transaction && encodeTransaction(transaction, version),
      timestampMs: this.#environment.clock.nowMs(),
    }
    const bytes = encodeBatch([record])
    this.#parts.partitions.append(led, bytes)
    this.#coordinator.replayBatch(new RecordBatch(bytes))
  }

  /** Looks for transactions to be ended at this time, at the latest. */
  #lookAt(dueMs: number): void {
    if (dueMs >= this.#dueMs || this.#dueMs === Number.NEGATIVE_INFINITY) return
    this.#timer?.cancel()
    this.#dueMs = dueMs
    const delayMs = Math.max(0, dueMs - this.#environment.clock.nowMs())
    this.#timer = this.#environment.timers.after(delayMs, () => {
      this.#dueMs = Number.POSITIVE_INFINITY
      void this.#endOverdue()
    })
  }

  async #endOverdue(): Promise<void> {
    const nowMs = this.#environment.clock.nowMs()
    for (const [transactionalId, transaction] of this.#coordinator.unended()) {
      const { startTimestampMs, timeoutMs } = transaction
      const dueMs = startTimestampMs + timeoutMs
      if (isOngoing(transaction) && dueMs > nowMs) {
        this.#lookAt(dueMs)
        continue
      }
      try {
        await this.#endLeftOver(transactionalId)
      } catch (error) {
        this.#environment.process.emitWarning((error as Error).message, 'TIDEMARK_TRANSACTION_STUCK')
        this.#lookAt(nowMs + RETRY_MS)
      }
    }
  }
}

/**
 * Whether it has no marker there yet. A power loss may have taken what the coordinator wrote after this one, and left records
 * of the next one: they have the epoch that this one ended with.
 */
function isOpenIn(log: PartitionLog, { producerId, producerEpoch, clientTransactionVersion }: Transaction): boolean {
  const hasOwnEpoch = clientTransactionVersion >= EPOCH_PER_TRANSACTION_SINCE
  return log.producers.open.some((open) => {
    return open.producerId === producerId && (!hasOwnEpoch || open.producerEpoch < producerEpoch)
  })
}

function identity({ producerId, producerEpoch }: TransactionalProducer): InitProducerIdResponse {
  return { producerId, producerEpoch }
}
