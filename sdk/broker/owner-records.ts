import type { DataDirectory } from '../directory/data-directory.ts'
import type { Environment } from '../environment/environment.ts'
import { PartitionLog } from '../log/partition-log.ts'
import { acceptBatch } from './append-rules.ts'
import type { FetchRequest, FetchResponse, ProduceRequest, ProduceResponse, TopicPartition } from './broker.ts'
import { fetchWhenReady } from './fetch-wait.ts'
import type { LedPartition, LedPartitions } from './led-partitions.ts'
import { fetchPartitions } from './log-requests.ts'
import { toPartitionError } from './partition-error.ts'

type Produced = ProduceResponse['partitions'][number]

/** Records in, records out: Produce and Fetch of an owner. */
export class OwnerRecords {
  readonly #environment: Environment
  readonly #directory: DataDirectory
  readonly #partitions: LedPartitions
  readonly #waiting = new Set<() => void>()

  constructor(environment: Environment, directory: DataDirectory, partitions: LedPartitions) {
    this.#environment = environment
    this.#directory = directory
    this.#partitions = partitions
  }

  /** Partitions this ownership has appended to before are appended to at once; the first time has to raise the epoch. */
  async produce(request: ProduceRequest): Promise<ProduceResponse> {
    const appends = request.partitions.map((wanted) => {
      const led = this.#partitions.led(wanted.topic, wanted.partition)
      return led === undefined ? this.#leadAndAppend(wanted) : this.#append(led, wanted)
    })
    return { partitions: await Promise.all(appends) }
  }

  async #leadAndAppend(wanted: ProduceRequest['partitions'][number]): Promise<Produced> {
    try {
      return await this.#append(await this.#partitions.lead(wanted.topic, wanted.partition), wanted)
    } catch (error) {
      return failed(wanted, error)
    }
  }

  async #append(led: LedPartition, wanted: ProduceRequest['partitions'][number]): Promise<Produced> {
    const { topic, partition, records } = wanted
    const { log, leaderEpoch, survives } = led
    try {
      const batch = acceptBatch(records, log.config, this.#environment.clock, { topic, partition })
      const isLogAppendTime = log.config.messageTimestampType === 'LogAppendTime'
      const logAppendTimeMs = isLogAppendTime ? this.#environment.clock.nowMs() : -1
      const { baseOffset } = log.append(batch, isLogAppendTime ? { leaderEpoch, logAppendTimeMs } : { leaderEpoch })
      this.#directory.appended(batch.length)
      if (survives === 'power-loss') await log.flush()
      const { logStartOffset } = log
      return { topic, partition, error: null, baseOffset, logAppendTimeMs, logStartOffset, survives }
    } catch (error) {
      return failed(wanted, error)
    }
  }

  async fetch(request: FetchRequest): Promise<FetchResponse> {
    return await fetchWhenReady(
      request,
      this.#environment.timers,
      () => fetchPartitions(this.#partitions.find, request),
      (changed) => this.#onChange(request.partitions, changed),
    )
  }

  /** Calls back when one of the partitions got readable records, or its log came into being. */
  #onChange(partitions: readonly TopicPartition[], changed: () => void): () => void {
    const stops: (() => void)[] = []
    const watch = () => {
      for (const stop of stops.splice(0)) stop()
      for (const { topic, partition } of partitions) {
        const log = this.#partitions.find(topic, partition)
        if (log instanceof PartitionLog) stops.push(log.onHighWatermark(changed))
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

  /** A log was created, or a topic was deleted: waiting fetches look again. */
  wake(): void {
    for (const rewatch of [...this.#waiting]) rewatch()
  }
}

function failed({ topic, partition }: TopicPartition, error: unknown): Produced {
  const none = { baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1, survives: 'process-crash' } as const
  return { topic, partition, error: toPartitionError(error), ...none }
}
