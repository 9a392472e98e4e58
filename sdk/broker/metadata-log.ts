import { assert } from '../assert.ts'
import type { DataDirectory } from '../directory/data-directory.ts'
import { CLUSTER_METADATA_TOPIC, METADATA_TOPIC_ID } from '../directory/partition-directory.ts'
import type { Environment } from '../environment/environment.ts'
import { TidemarkError } from '../errors.ts'
import { DEFAULT_LOG_CONFIG } from '../log/log-config.ts'
import type { LogView } from '../log/log-view.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import { bootstrapBatches } from '../topic/bootstrap-records.ts'
import { decodeMetadataBatch, encodeMetadataBatch } from '../topic/metadata-batch.ts'
import type { MetadataImage } from '../topic/metadata-image.ts'
import type { MetadataRecord } from '../topic/metadata-record.ts'
import type { PartitionImage, TopicImage } from '../topic/topic-image.ts'
import { noSuchTopic } from '../topic/topic-name.ts'
import { type PartitionHome, raiseLeaderEpochRecord } from '../topic/topic-records.ts'
import { readSlices } from './log-requests.ts'
import {
  bootstrapFeatures,
  damagedMetadata,
  describeRange,
  imageFromSnapshot,
  replayMetadata,
  replayStart,
} from './metadata-replay.ts'
import { refuseStrays } from './stray-partitions.ts'
import { checkTakeover } from './takeover-check.ts'

/** Metadata never expires by time or size: it is all there is to know about the topics. */
const CONFIG = {
  ...DEFAULT_LOG_CONFIG,
  retentionMs: Number.POSITIVE_INFINITY,
  retentionBytes: -1,
}

/** More epochs than anybody can have lost by restoring a copy. */
const MAX_EPOCHS_BEHIND = 10_000

/** What the log says. */
interface Known {
  readonly image: MetadataImage
  /** Ids of topics that it removes. */
  readonly removed: Set<string>
}

type Change = Exclude<MetadataRecord, { type: 'Unknown' }>

/** A leader epoch to be begun. */
interface Raise {
  readonly topic: string
  readonly partition: number
  /** Of the records in its log. */
  readonly latestEpoch: number
}

/**
 * `__cluster_metadata-0` of an owned directory. A change is appended, flushed, and only then replayed into the image:
 * what the image shows survives a power loss.
 */
export class MetadataLog {
  readonly home: PartitionHome
  readonly #environment: Environment
  readonly #log: PartitionLog
  readonly #image: MetadataImage
  /** Partitions whose epoch 0 belongs to this ownership: it created them. */
  readonly #createdHere = new Set<string>()
  readonly #removed: Set<string>
  #turn: Promise<unknown> = Promise.resolve()
  /** Partitions whose epochs are to be raised by the next change, which is in the queue. */
  #raises: Raise[] = []
  #raising: Promise<void> | undefined

  private constructor(environment: Environment, home: PartitionHome, log: PartitionLog, known: Known) {
    this.#environment = environment
    this.home = home
    this.#log = log
    this.#image = known.image
    this.#removed = known.removed
  }

  /**
   * Refuses what cannot be relied on before anything is changed on the disk, so that a copy can be put in its place.
   *
   * @throws {TidemarkError} CORRUPT_BATCH where a part of it is damaged or missing, or other than what partitions there
   *   are; UNSUPPORTED where this process cannot stand in for the broker that wrote it; STORAGE_ERROR.
   */
  static async open(environment: Environment, directory: DataDirectory): Promise<MetadataLog> {
    checkPresent(directory)
    const home = { nodeId: directory.nodeId, directoryId: directory.directoryId }
    const known = { image: imageFromSnapshot(environment.files, directory.path), removed: new Set<string>() }
    if (!directory.isFresh) {
      directory.examineMetadata((view, recoveryPoint) => {
        replayLog(known, view)
        // An older copy ends with a whole batch.
        if (view.tornBytes > 0 && view.logEndOffset < recoveryPoint)
          throw damagedMetadata('it was cut, or its end is damaged')
      })
      checkTakeover(known.image, home, directory.path)
      refuseStrays(directory, known.image, known.removed)
    }
    const log = directory.log(CLUSTER_METADATA_TOPIC, 0, { topicId: METADATA_TOPIC_ID, config: CONFIG })
    if (directory.isFresh) {
      const batches = bootstrapBatches(home, environment.clock.nowMs())
      if (log.logEndOffset === 0) for (const batch of batches) log.append(batch, { leaderEpoch: 0 })
      await directory.finishCreation()
    }
    await log.flush()
    replayLog(known, log)
    const metadata = new MetadataLog(environment, home, log, known)
    await metadata.#bootstrap(directory.path)
    return metadata
  }

  get image(): MetadataImage {
    return this.#image
  }

  /** Throws UNKNOWN_TOPIC. */
  topic(name: string): TopicImage & { readonly configs: ReadonlyMap<string, string> } {
    const topic = this.#image.topicByName(name)
    if (topic === undefined) throw noSuchTopic(name)
    return { ...topic, configs: this.#image.configs(name) }
  }

  partition(topic: string, partition: number): PartitionImage | undefined {
    return this.#image.topicByName(topic)?.partitions.get(partition)
  }

  /** Whether the log says that the topic with this id was deleted. */
  wasRemoved(topicId: string): boolean {
    return this.#removed.has(topicId)
  }

  /** Runs `change` when all earlier ones are done; what it returns is appended as one batch, flushed and replayed. */
  async change(change: () => readonly Change[]): Promise<void> {
    const turn = this.#turn
      .catch(() => {})
      .then(async () => {
        const records = change()
        if (records.length > 0) await this.#append(records)
      })
    this.#turn = turn
    await turn
  }

  /**
   * Begins a new leader epoch of a partition, above that of every record in its log (`latestEpoch`; −1 without any): a
   * metadata log that was restored from a copy may have fallen behind. Durable when it resolves with the epoch. Partitions
   * that begin one at the same time share a batch and its flush.
   */
  async raiseLeaderEpoch(topic: string, partition: number, latestEpoch: number): Promise<number> {
    const created = this.partition(topic, partition)
    if (created !== undefined && this.#createdHere.has(nameOf(created))) return created.leaderEpoch
    if (created !== undefined && latestEpoch - created.leaderEpoch >= MAX_EPOCHS_BEHIND) {
      const found = `the log of ${topic}-${partition} has leader epoch ${latestEpoch}, the metadata ${created.leaderEpoch}`
      const message = `Log and metadata do not belong together: ${found}. Restore a newer copy.`
      throw new TidemarkError('CORRUPT_BATCH', message)
    }
    this.#raises.push({ topic, partition, latestEpoch })
    this.#raising ??= this.change(() => {
      this.#raising = undefined
      return this.#raises.splice(0).flatMap((raise) => this.#raiseRecords(raise))
    })
    await this.#raising
    const raised = this.partition(topic, partition)
    if (raised === undefined) throw noSuchTopic(topic)
    return raised.leaderEpoch
  }

  #raiseRecords({ topic, partition, latestEpoch }: Raise): Change[] {
    const before = this.partition(topic, partition)
    if (before === undefined) return []
    const count = Math.max(1, latestEpoch + 1 - before.leaderEpoch)
    return Array.from({ length: count }, () => raiseLeaderEpochRecord(before, this.home))
  }

  /**
   * A directory that `kafka-storage format` made and no broker has started on: its features wait in a file for the first
   * start, in `bootstrap.checkpoint`, since Kafka 4.4 in the snapshot. A broker that finds records in the log looks at neither.
   */
  async #bootstrap(directory: string): Promise<void> {
    if (this.#image.replayedOffset >= 0) return
    const known = [...this.#image.features].map(([name, level]) => ({ type: 'FeatureLevel', name, level }) as const)
    const features = known.length > 0 ? known : bootstrapFeatures(this.#environment.files, directory)
    if (features.length > 0) await this.change(() => features)
  }

  async #append(records: readonly Change[]): Promise<void> {
    assert(!this.#image.isInTransaction, 'a log that ends in a transaction was refused')
    const bytes = encodeMetadataBatch(records, this.#environment.clock.nowMs())
    this.#log.append(bytes, { leaderEpoch: this.#image.raftEpoch })
    await this.#log.flush()
    replaySlice({ image: this.#image, removed: this.#removed }, bytes)
    for (const record of records) if (record.type === 'Partition') this.#createdHere.add(nameOf(record))
  }
}

/** From where the image stands up to the end. */
function replayLog(known: Known, log: LogView): void {
  const slices = readSlices(log, replayStart(known.image, log), ({ range }) => {
    throw damagedMetadata(describeRange(range))
  })
  for (const slice of slices) replaySlice(known, slice)
}

function replaySlice({ image, removed }: Known, slice: Buffer): void {
  for (const batch of replayMetadata(image, slice)) {
    if (batch.isControl) continue
    for (const { record } of decodeMetadataBatch(batch)) if (record.type === 'RemoveTopic') removed.add(record.topicId)
  }
}

/** An empty image would make strays of all topics. */
function checkPresent(directory: DataDirectory): void {
  if (directory.isFresh || directory.has(CLUSTER_METADATA_TOPIC, 0)) return
  const wasThere = directory.vanished().some(({ topic }) => topic === CLUSTER_METADATA_TOPIC)
  if (wasThere || directory.existing().length > 0) throw damagedMetadata('it is missing')
}

function nameOf({ topicId, partition }: { topicId: string; partition: number }): string {
  return `${topicId}-${partition}`
}
