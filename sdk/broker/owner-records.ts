import type { DataDirectory } from '../directory/data-directory.ts'
import type { Environment } from '../environment/environment.ts'
import { TidemarkError } from '../errors.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import { type StoredBatch, storedBatch } from '../log/producer-state.ts'
import { RecordBatch } from '../record/record-batch.ts'
import { isInternalTopic } from '../topic/topic-name.ts'
import { acceptBatch } from './append-rules.ts'
import { BackgroundFlush } from './background-flush.ts'
import type { FetchRequest, FetchResponse, ProduceRequest, ProduceResponse, TopicPartition } from './broker.ts'
import { fetchWhenReady } from './fetch-wait.ts'
import type { LedPartition, LedPartitions } from './led-partitions.ts'
import { fetchPartitions, type LocatedPartition, locatePartitions } from './log-requests.ts'
import type { OwnerTransactions } from './owner-transactions.ts'
import { notAppended, unknownTopic } from './partition-error.ts'
import type { ProducerIds } from './producer-ids.ts'

type Wanted = ProduceRequest['partitions'][number]
type Produced = ProduceResponse['partitions'][number]

interface Parts {
  readonly partitions: LedPartitions
  readonly producerIds: ProducerIds
  readonly transactions: OwnerTransactions
}

/** Of the transaction that a batch is a part of, if it is of one. */
type TransactionalId = ProduceRequest['transactionalId']

/** Records in, records out: Produce and Fetch of an owner. */
export class OwnerRecords {
  readonly #environment: Environment
  readonly #directory: DataDirectory
  readonly #partitions: LedPartitions
  readonly #producerIds: ProducerIds
  readonly #transactions: OwnerTransactions
  readonly #backgroundFlush: BackgroundFlush
  readonly #waiting = new Set<() => void>()
  #isClosed = false

  constructor(environment: Environment, directory: DataDirectory, parts: Parts) {
    this.#environment = environment
    this.#directory = directory
    this.#partitions = parts.partitions
    this.#producerIds = parts.producerIds
    this.#transactions = parts.transactions
    this.#backgroundFlush = new BackgroundFlush(environment)
  }

  /** Partitions this ownership has appended to before are appended to at once; the first time has to raise the epoch. */
  async produce(request: ProduceRequest): Promise<ProduceResponse> {
    const { transactionalId } = request
    const appends = request.partitions.map((wanted) => {
      if (isInternalTopic(wanted.topic)) return notAppended(wanted, internalTopic(wanted))
      const led = this.#partitions.led(wanted.topic, wanted.partition)
      return led === undefined
        ? this.#leadAndAppend(wanted, transactionalId)
        : this.#append(led, wanted, transactionalId)
    })
    return { partitions: await Promise.all(appends) }
  }

  async #leadAndAppend(wanted: Wanted, transactionalId: TransactionalId): Promise<Produced> {
    const { topic, partition, records } = wanted
    try {
      if (!this.#partitions.exists(topic, partition)) return notAppended(wanted, unknownTopic(wanted))
      // What is refused must not begin an epoch.
      acceptBatch(records, this.#partitions.config(topic), this.#environment.clock, { topic, partition })
      return await this.#partitions.whenLed(topic, partition, (led) => this.#append(led, wanted, transactionalId))
    } catch (error) {
      return notAppended(wanted, error)
    }
  }

  async #append(led: LedPartition, wanted: Wanted, transactionalId: TransactionalId): Promise<Produced> {
    const { topic, partition, records } = wanted
    const { log, leaderEpoch } = led
    try {
      const accepted = acceptBatch(records, log.config, this.#environment.clock, { topic, partition })
      const batch = new RecordBatch(accepted)
      const isTransactional = this.#joinTransaction(batch, wanted, transactionalId)
      this.#directory.checkOwned()
      const stored = this.#findStored(led, batch) ?? this.#store(log, batch, leaderEpoch)
      // What the end of a transaction waits for need not be flushed before.
      const survives = isTransactional ? 'process-crash' : led.survives
      if (survives === 'power-loss') await log.flush()
      else this.#backgroundFlush.appended(log)
      const isLogAppendTime = log.config.messageTimestampType === 'LogAppendTime'
      return {
        ...{ topic, partition, error: null, survives },
        baseOffset: stored.lastOffset - stored.offsetDelta,
        logAppendTimeMs: isLogAppendTime ? stored.timestampMs : -1,
        logStartOffset: log.logStartOffset,
      }
    } catch (error) {
      // A topic may be deleted, and another one get its name, under an append that waits for its flush.
      const isGone = !this.#isClosed && this.#partitions.led(topic, partition) !== led
      return notAppended(wanted, isGone ? unknownTopic(wanted) : error)
    }
  }

  #joinTransaction(batch: RecordBatch, place: TopicPartition, transactionalId: TransactionalId): boolean {
    const { isTransactional, producerId, producerEpoch } = batch
    if (isTransactional !== (transactionalId !== undefined)) {
      const message = `A batch ${isTransactional ? 'of a transaction without its id' : 'that is not of the transaction it comes with'}.`
      throw new TidemarkError('INVALID_RECORD', message, place)
    }
    if (transactionalId !== undefined) this.#transactions.join(transactionalId, { producerId, producerEpoch }, place)
    return isTransactional
  }

  #findStored({ log, leaderEpoch }: LedPartition, batch: RecordBatch): StoredBatch | undefined {
    const stored = log.producers.findStored(batch)
    if (stored === undefined || !this.#producerIds.isOwn(batch.producerId)) return stored
    if ((log.epochAt(stored.lastOffset) ?? -1) >= leaderEpoch) return stored
    const message = `Producer id ${batch.producerId} was given out before: the metadata log is older than ${log.topic}-${log.partition}. Send again.`
    throw new TidemarkError('OUT_OF_ORDER_SEQUENCE', message, { topic: log.topic, partition: log.partition })
  }

  #store(log: PartitionLog, batch: RecordBatch, leaderEpoch: number): StoredBatch {
    const isLogAppendTime = log.config.messageTimestampType === 'LogAppendTime'
    const logAppendTimeMs = isLogAppendTime ? this.#environment.clock.nowMs() : undefined
    const { bytes } = batch
    log.append(bytes, { leaderEpoch, logAppendTimeMs })
    this.#directory.appended(bytes.length)
    return storedBatch(batch)
  }

  async fetch(request: FetchRequest): Promise<FetchResponse> {
    return await fetchWhenReady(
      request,
      this.#environment.timers,
      () => {
        if (this.#isClosed) throw new TidemarkError('CLOSED', 'The directory was closed while a fetch waited.')
        return fetchPartitions(this.#partitions.find, request)
      },
      (changed) => this.#onChange(request.partitions, changed),
    )
  }

  /** Where the records are that a fetch would answer now, as `locatePartitions` says. */
  locate(request: FetchRequest, minBytes: number): (LocatedPartition | undefined)[] {
    return this.#isClosed ? [] : locatePartitions(this.#partitions.find, request, minBytes)
  }

  /** Calls back when one of the partitions got readable records, or its log came into being. */
  #onChange(partitions: readonly TopicPartition[], changed: () => void): () => void {
    const stops: (() => void)[] = []
    const watch = () => {
      for (const stop of stops.splice(0)) stop()
      for (const place of partitions) {
        const log = this.#logOf(place)
        if (log !== undefined) stops.push(log.onHighWatermark(changed))
      }
    }
    const rewatch = () => {
      watch()
      changed()
    }
    watch()
    this.#waiting.add(rewatch)
    return () => {
      this.#waiting.delete(rewatch)
      for (const stop of stops) stop()
    }
  }

  #logOf({ topic, partition }: TopicPartition): PartitionLog | undefined {
    try {
      const log = this.#partitions.find(topic, partition)
      return log === 'empty' ? undefined : log
    } catch {
      // Whoever looks for records is told why.
      return undefined
    }
  }

  /** Waiting fetches are told. */
  close(): void {
    this.#isClosed = true
    this.#backgroundFlush.close()
    this.wake()
  }

  /** A log was created, or a topic was deleted: waiting fetches look again. */
  wake(): void {
    for (const rewatch of [...this.#waiting]) rewatch()
  }
}

/** What Kafka writes there has to fit what it has in memory, so it comes from its own requests. */
function internalTopic(place: TopicPartition): TidemarkError {
  const message = `"${place.topic}" belongs to Kafka itself: it is written by commits and group members, not by sends.`
  return new TidemarkError('INVALID_TOPIC', message, place)
}
