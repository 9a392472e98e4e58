import type { Environment } from '../environment/environment.ts'
import { TidemarkError } from '../errors.ts'
import { ReadOnlyLog } from '../log/read-only-log.ts'
import { asDiskFailure, errnoOf } from '../log/storage-error.ts'
import { CLEAN_SHUTDOWN } from './clean-shutdown.ts'
import { DirectoryCheckpoints } from './directory-checkpoints.ts'
import { checkNoFile, UNFINISHED } from './directory-identity.ts'
import { META_PROPERTIES, type MetaProperties, readMetaProperties } from './meta-properties.ts'
import { parsePartitionDirectory, partitionDirectoryName, readPartitionMetadata } from './partition-directory.ts'
import type { ExistingPartition } from './partition-set.ts'

/**
 * A data directory seen from outside: one that a Tidemark process or a Kafka broker is writing to, one they left behind
 * in order or not, or a copy. Writes nothing, takes no lock and never opens the lock file. Files may vanish under it.
 */
export class DirectoryReader {
  /** Absolute, with links resolved. */
  readonly path: string
  readonly meta: MetaProperties
  readonly #environment: Environment
  readonly #logs = new Map<string, ReadOnlyLog>()
  #partitions = new Map<string, ExistingPartition>()
  #checkpoints: DirectoryCheckpoints

  private constructor(environment: Environment, path: string, meta: MetaProperties) {
    this.#environment = environment
    this.path = path
    this.meta = meta
    this.#partitions = this.#list()
    this.#checkpoints = DirectoryCheckpoints.read(environment, path)
  }

  /** @throws {TidemarkError} NOT_A_DATA_DIRECTORY, STORAGE_ERROR. */
  static open(environment: Environment, path: string): DirectoryReader {
    try {
      const directory = environment.files.realPath(path)
      checkNoFile(environment, directory)
      const meta = readMetaProperties(environment, directory)
      if (meta !== undefined) return new DirectoryReader(environment, directory, meta)
      const unfinished = environment.files.stat(environment.files.join(directory, UNFINISHED)) !== undefined
      throw new TidemarkError(
        'NOT_A_DATA_DIRECTORY',
        unfinished
          ? `${directory} is only being created, or its creation was interrupted. Try again, or open it for writing once.`
          : `${directory} has no ${META_PROPERTIES}, so it is no data directory. Name the directory that holds that file.`,
      )
    } catch (error) {
      throw asDiskFailure(error, `read ${path}`)
    }
  }

  /** Whether the last owner closed in order and nobody has opened the directory since. */
  get isCleanShutdown(): boolean {
    return this.#environment.files.stat(this.#environment.files.join(this.path, CLEAN_SHUTDOWN)) !== undefined
  }

  /** The partitions as of `open` or the last `refresh`. */
  partitions(): ExistingPartition[] {
    return [...this.#partitions.values()]
  }

  /** The same for one of them. */
  find(topic: string, partition: number): ExistingPartition | undefined {
    return this.#partitions.get(partitionDirectoryName(topic, partition))
  }

  /** Looks for partitions that came or went, and reads the checkpoints again. Returns whether any came or went. */
  refresh(): boolean {
    try {
      const before = this.#partitions
      // In this order, so that no partition is taken for another one of that name, whose entries were dropped since.
      this.#partitions = this.#list()
      this.#checkpoints = DirectoryCheckpoints.read(this.#environment, this.path)
      let changed = before.size !== this.#partitions.size
      for (const [name, { topicId }] of before) {
        if (this.#partitions.get(name)?.topicId === topicId && this.#partitions.has(name)) continue
        changed = true
        this.#logs.get(name)?.close()
        this.#logs.delete(name)
      }
      for (const log of this.#logs.values()) log.advance(this.#positionOf(log))
      return changed
    } catch (error) {
      throw asDiskFailure(error, `read ${this.path}`)
    }
  }

  /**
   * The partition's log, undefined where it has no directory. The same object until the partition goes. `isCompacted`:
   * by the config that the topic has now, if that is known; one that was compacted before keeps its gaps.
   */
  log(topic: string, partition: number, isCompactedNow = true): ReadOnlyLog | undefined {
    const name = partitionDirectoryName(topic, partition)
    if (!this.#partitions.has(name)) return undefined
    const isCompacted = isCompactedNow || this.#checkpoints.cleanedOffset(topic, partition) !== undefined
    let log = this.#logs.get(name)
    if (log !== undefined) {
      log.isCompacted = isCompacted
      return log
    }
    const directory = this.#environment.files.join(this.path, name)
    try {
      log = ReadOnlyLog.open(this.#environment, {
        ...{ directory, topic, partition, isCompacted },
        ...this.#positionOf({ topic, partition }),
      })
    } catch (error) {
      throw asDiskFailure(error, `read ${directory}`)
    }
    this.#logs.set(name, log)
    return log
  }

  /** The high watermark by the owner's last checkpoint, some seconds old; undefined where there is none. */
  highWatermark(topic: string, partition: number): number | undefined {
    return this.#checkpoints.highWatermark(topic, partition)
  }

  /** Calls `changed` after partitions or checkpoints may have changed. May miss some: call `refresh` from time to time. */
  watch(changed: () => void): { close(): void } {
    return this.#environment.files.watch(this.path, changed)
  }

  close(): void {
    for (const log of this.#logs.values()) log.close()
    this.#logs.clear()
  }

  #positionOf({ topic, partition }: { topic: string; partition: number }) {
    return {
      logStartOffset: this.#checkpoints.logStartOffset(topic, partition),
      flushedOffset: this.#checkpoints.recoveryPoint(topic, partition),
    }
  }

  #list(): Map<string, ExistingPartition> {
    const { files } = this.#environment
    const partitions = new Map<string, ExistingPartition>()
    for (const name of files.list(this.path)) {
      const parsed = parsePartitionDirectory(name)
      if (parsed?.kind !== 'live') continue
      const path = files.join(this.path, name)
      try {
        if (!files.stat(path)?.isDirectory) continue
        const { topic, partition } = parsed
        partitions.set(name, { topic, partition, topicId: readPartitionMetadata(files, path) })
      } catch (error) {
        // Renamed since it was listed.
        if (errnoOf(error) !== 'ENOENT') throw error
      }
    }
    return partitions
  }
}
