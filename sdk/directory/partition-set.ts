import { assert } from '../assert.ts'
import type { Environment } from '../environment/environment.ts'
import { TidemarkError } from '../errors.ts'
import { parseSegmentFileName } from '../log/segment-name.ts'
import { asDiskFailure } from '../log/storage-error.ts'
import {
  CLUSTER_METADATA_TOPIC,
  deletedName,
  parsePartitionDirectory,
  partitionDirectoryName,
  readPartitionMetadata,
  writePartitionMetadata,
  writePartitionMetadataInBackground,
} from './partition-directory.ts'

/** A partition that has a directory. */
export interface ExistingPartition {
  readonly topic: string
  readonly partition: number
  /** The id of the topic it was created for; undefined where a crash came before it was written, or Kafka was too old. */
  readonly topicId: string | undefined
}

/** The directories of partitions in a data directory: which there are, creating them, taking them away. */
export class PartitionSet {
  readonly #environment: Environment
  readonly #directory: string
  readonly #partitions = new Map<string, ExistingPartition>()
  /** Those that `create` is making: nobody else sees them yet. */
  readonly #making = new Map<string, Pick<ExistingPartition, 'topic' | 'partition'>>()
  #namesFlush: Promise<void> | undefined
  readonly #foldsCase: boolean

  private constructor(environment: Environment, directory: string, foldsCase: boolean) {
    this.#environment = environment
    this.#directory = directory
    this.#foldsCase = foldsCase
  }

  /** Lists them, and finishes deletions that a crash interrupted. */
  static load(environment: Environment, directory: string, foldsCase: boolean): PartitionSet {
    const { files } = environment
    const set = new PartitionSet(environment, directory, foldsCase)
    for (const name of files.list(directory)) {
      const parsed = parsePartitionDirectory(name)
      const path = files.join(directory, name)
      if (parsed === undefined || !files.stat(path)?.isDirectory) continue
      if (parsed.kind === 'delete') {
        files.removeDirectory(path)
      } else if (parsed.kind === 'live') {
        const { topic, partition } = parsed
        set.#partitions.set(name, { topic, partition, topicId: readPartitionMetadata(files, path) })
      }
    }
    // Whoever made a partition may have died before its name was durable.
    files.syncDirectory(directory)
    return set
  }

  values(): ExistingPartition[] {
    return [...this.#partitions.values()]
  }

  has(topic: string, partition: number): boolean {
    return this.#partitions.has(partitionDirectoryName(topic, partition))
  }

  /** How many bytes each of its segments has. */
  segmentSizes(topic: string, partition: number): number[] {
    if (!this.has(topic, partition)) return []
    const { files } = this.#environment
    const path = this.path(topic, partition)
    const names = files.list(path).filter((name) => parseSegmentFileName(name)?.suffix === '.log')
    return names.map((name) => files.stat(files.join(path, name))?.sizeBytes ?? 0)
  }

  path(topic: string, partition: number): string {
    return this.#environment.files.join(this.#directory, partitionDirectoryName(topic, partition))
  }

  /**
   * Makes sure that the partition has a directory with the topic's id in it. What is in a new directory is flushed with the
   * first leader epoch, which comes before the first record; of one that was there, on return.
   */
  ensure(topic: string, partition: number, topicId: string): void {
    const { files } = this.#environment
    const name = partitionDirectoryName(topic, partition)
    const known = this.#partitions.get(name)
    if (known?.topicId === topicId) return
    if (known?.topicId !== undefined) {
      throw new TidemarkError(
        'TOPIC_DIFFERS',
        `${this.path(topic, partition)} belongs to another topic of that name (id ${known.topicId}, not ${topicId}), which was deleted. Move it away.`,
        { topic, partition },
      )
    }
    if (known === undefined) {
      this.#checkCase(topic, partition)
      files.makeDirectory(this.path(topic, partition))
    }
    // Also where it is there already: who made it may have died before this.
    files.syncDirectory(this.#directory)
    this.#partitions.set(name, { topic, partition, topicId: undefined })
    writePartitionMetadata(files, this.path(topic, partition), topicId)
    if (known !== undefined) files.syncDirectory(this.path(topic, partition))
    this.#partitions.set(name, { topic, partition, topicId })
  }

  /**
   * The same for one that has no directory, without holding up the event loop. Those that are made at the same time share the
   * flush of their names. Until it resolves the set knows nothing of it.
   */
  async create(topic: string, partition: number, topicId: string): Promise<void> {
    const { files } = this.#environment
    const name = partitionDirectoryName(topic, partition)
    assert(!this.#partitions.has(name) && !this.#making.has(name), `${name} is created once`)
    this.#checkCase(topic, partition)
    this.#making.set(name, { topic, partition })
    try {
      const path = this.path(topic, partition)
      files.makeDirectory(path)
      await this.#flushNames()
      await writePartitionMetadataInBackground(files, path, topicId)
      this.#partitions.set(name, { topic, partition, topicId })
    } catch (error) {
      throw asDiskFailure(error, `create ${this.path(topic, partition)}`)
    } finally {
      this.#making.delete(name)
    }
  }

  /** Everybody who makes a directory now waits for the same flush. */
  #flushNames(): Promise<void> {
    const { files, timers } = this.#environment
    this.#namesFlush ??= timers.yield().then(() => {
      this.#namesFlush = undefined
      return files.syncDirectoryInBackground(this.#directory)
    })
    return this.#namesFlush
  }

  /** Renames it so that nobody takes it for the partition any more; the name is not flushed yet. Returns the new path. */
  takeAway(topic: string, partition: number): string {
    const { files, random } = this.#environment
    const target = files.join(this.#directory, deletedName(topic, partition, random))
    files.rename(this.path(topic, partition), target)
    this.#partitions.delete(partitionDirectoryName(topic, partition))
    return target
  }

  #checkCase(topic: string, partition: number): void {
    if (!this.#foldsCase || topic === CLUSTER_METADATA_TOPIC) return
    const lower = topic.toLowerCase()
    for (const other of [...this.#partitions.values(), ...this.#making.values()]) {
      if (other.topic === topic || other.topic.toLowerCase() !== lower) continue
      throw new TidemarkError(
        'INVALID_TOPIC',
        `Topic "${topic}" differs from "${other.topic}" only in upper and lower case, which this disk cannot tell apart. Choose another name.`,
        { topic, partition },
      )
    }
  }
}
