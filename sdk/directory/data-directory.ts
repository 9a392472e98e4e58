import { assert } from '../assert.ts'
import type { Connection, Environment } from '../environment/environment.ts'
import { TidemarkError } from '../errors.ts'
import type { LogConfig } from '../log/log-config.ts'
import { PartitionLog } from '../log/partition-log.ts'
import { ReadOnlyLog } from '../log/read-only-log.ts'
import { asDiskFailure } from '../log/storage-error.ts'
import { CheckpointCadence } from './checkpoint-cadence.ts'
import { CleanShutdownMark } from './clean-shutdown.ts'
import { DirectoryCheckpoints } from './directory-checkpoints.ts'
import {
  checkUsable,
  type DirectoryIdentity,
  establishIdentity,
  finishCreation,
  makeDurableDirectory,
} from './directory-identity.ts'
import { endpointName } from './endpoint-name.ts'
import { closeInOrder } from './orderly-close.ts'
import { Ownership, type OwnershipOptions } from './ownership.ts'
import { CLUSTER_METADATA_TOPIC, partitionDirectoryName } from './partition-directory.ts'
import { type ExistingPartition, PartitionSet } from './partition-set.ts'

export type OpenDirectoryOptions = Omit<OwnershipOptions, 'fenceName'>

export interface LogOptions {
  readonly topicId: string
  readonly config: LogConfig
  /** What consumers may see: what is flushed (default), or what the kernel has. */
  readonly highWatermarkFollows?: 'flush' | 'append'
  /** The partition is one of those that `vanished` tells of: it goes on behind the offsets that were lost. */
  readonly isVanished?: boolean
}

type Place = Pick<ExistingPartition, 'topic' | 'partition'>

/**
 * A Kafka log directory that this process owns: its identity, its partition logs, its checkpoints.
 *
 * A fresh one (`isFresh`) is not a data directory yet: append the bootstrap records to the log of `__cluster_metadata-0`,
 * flush, then call `finishCreation`. Whatever a crash leaves before that is made anew by the next `open`.
 */
export class DataDirectory {
  /** Absolute, with links resolved. */
  readonly path: string
  readonly clusterId: string
  readonly directoryId: string
  readonly nodeId: number
  /** Whether the owner before us closed in order, so that the tails of the logs are known to be whole. */
  readonly wasCleanShutdown: boolean
  /** Whether the disk takes "A" and "a" for one name. */
  readonly foldsCase: boolean
  /** Called with every log that is opened, which may be long after the directory was. Must not throw. */
  onOpened: (log: PartitionLog) => void = () => {}
  readonly #environment: Environment
  readonly #ownership: Ownership
  readonly #partitions: PartitionSet
  readonly #checkpoints: DirectoryCheckpoints
  readonly #logs = new Map<string, { place: Place; log: PartitionLog }>()
  /** Partitions whose tails nobody has looked at since a crash. */
  readonly #unrecovered = new Map<string, Place>()
  readonly #cadence: CheckpointCadence
  readonly #mark: CleanShutdownMark
  #isFresh: boolean
  #lastWrite: Promise<void> = Promise.resolve()
  /** What `beginEpoch` is still at. */
  readonly #beginnings = new Set<Promise<unknown>>()
  #closing: Promise<void> | undefined

  /** Use `DataDirectory.open`. The directory's lock is held. */
  private constructor(environment: Environment, path: string, identity: DirectoryIdentity, ownership: Ownership) {
    const { files } = environment
    this.#environment = environment
    this.#ownership = ownership
    this.path = path
    this.clusterId = identity.clusterId
    this.directoryId = identity.directoryId
    this.nodeId = identity.nodeId
    this.#isFresh = identity.isFresh
    this.#mark = CleanShutdownMark.take(files, path)
    this.wasCleanShutdown = this.#mark.wasThere
    const lock = files.stat(files.join(path, '.lock'))?.inode
    this.foldsCase = lock !== undefined && files.stat(files.join(path, '.LOCK'))?.inode === lock
    this.#partitions = PartitionSet.load(environment, path, this.foldsCase)
    this.#checkpoints = DirectoryCheckpoints.load(environment, path)
    if (!this.wasCleanShutdown) {
      for (const place of this.#partitions.values()) this.#unrecovered.set(nameOf(place), place)
    }
    this.#cadence = new CheckpointCadence(environment, () => this.writeCheckpoints())
  }

  /**
   * Takes ownership of `path`, creating it where nothing or an empty directory is there, and removes the clean-shutdown
   * marker. Opens no log yet.
   *
   * @throws {TidemarkError} DIRECTORY_IN_USE, NOT_A_DATA_DIRECTORY, ABORTED, STORAGE_ERROR, UNSUPPORTED.
   */
  static async open(environment: Environment, path: string, options: OpenDirectoryOptions): Promise<DataDirectory> {
    let ownership: Ownership | undefined
    try {
      const directory = environment.files.realPath(path)
      // Before the lock: no lock file may be left in what is not ours.
      if (checkUsable(environment, directory) === 'fresh') makeDurableDirectory(environment, directory)
      let identity: DirectoryIdentity | undefined
      ownership = await Ownership.take(environment, directory, {
        ...options,
        fenceName: () => {
          identity = establishIdentity(environment, directory)
          return endpointName(environment, directory, identity.directoryId)
        },
      })
      assert(identity !== undefined, 'the fence has a name')
      return new DataDirectory(environment, directory, identity, ownership)
    } catch (error) {
      await ownership?.release()
      throw asDiskFailure(error, `open ${path}`)
    }
  }

  /** Hands over whoever comes to the endpoint of this directory, from now on; those who came before wait until then. */
  listen(accept: (connection: Connection) => void): void {
    this.#ownership.listen(accept)
  }

  /** True until `finishCreation`. */
  get isFresh(): boolean {
    return this.#isFresh
  }

  /** False once the lock file was removed or replaced: another process may own the directory by now. Costs one stat. */
  isStillOwned(): boolean {
    return this.#closing === undefined && this.#ownership.check()
  }

  /** Whether the partition has a directory; partitions that were never written have none. */
  has(topic: string, partition: number): boolean {
    return this.#partitions.has(topic, partition)
  }

  /** Every partition that has a directory, `__cluster_metadata-0` included; those of deleted topics too, by their id. */
  existing(): ExistingPartition[] {
    return this.#partitions.values()
  }

  /**
   * Partitions whose logs were not opened since a crash. While there are any, closing leaves no clean-shutdown marker,
   * because their tails may be torn.
   */
  unrecovered(): Place[] {
    return [...this.#unrecovered.values()]
  }

  /**
   * Partitions that held records up to `offset` by the last checkpoint and have no directory any more. Where their topic
   * still exists somebody removed them: open their logs with `isVanished`.
   */
  vanished(): { readonly topic: string; readonly partition: number; readonly offset: number }[] {
    return this.#checkpoints
      .recoveryPoints()
      .filter((point) => point.offset > 0 && !this.has(point.topic, point.partition))
  }

  /** The logs that are open. */
  openLogs(): PartitionLog[] {
    return [...this.#logs.values()].map(({ log }) => log)
  }

  /**
   * The partition's log; opened, and mended where a crash left it torn, at the first call; created where there is none.
   * Later calls return the same log and leave its config alone.
   *
   * @throws {TidemarkError} TOPIC_DIFFERS if its directory is another topic's, INVALID_TOPIC if the disk cannot tell its
   *   name from another's, STORAGE_ERROR.
   */
  log(topic: string, partition: number, options: LogOptions): PartitionLog {
    if (this.#closing !== undefined) throw this.#closed()
    assert(!this.#isFresh || topic === CLUSTER_METADATA_TOPIC, 'a fresh directory gets its metadata first')
    const name = partitionDirectoryName(topic, partition)
    try {
      if (options.isVanished !== true) this.#forgetGone(topic, partition)
      this.#partitions.ensure(topic, partition, options.topicId)
      const open = this.#logs.get(name)
      if (open !== undefined) return open.log
      const log = PartitionLog.open(this.#environment, {
        ...{ topic, partition, directory: this.#partitions.path(topic, partition), config: options.config },
        ...{ cleanShutdown: !this.#unrecovered.has(name), mayBeOlder: topic === CLUSTER_METADATA_TOPIC },
        highWatermarkFollows: options.highWatermarkFollows ?? 'flush',
        logStartOffset: this.#checkpoints.logStartOffset(topic, partition),
        recoveryPoint: this.#checkpoints.recoveryPoint(topic, partition),
        wasCompacted: this.cleanedOffset(topic, partition) !== undefined,
      })
      this.#unrecovered.delete(name)
      this.#logs.set(name, { place: { topic, partition }, log })
      if (this.#checkpoints.forgetCleanedBeyond(log)) this.#checkpoints.write()
      this.onOpened(log)
      return log
    } catch (error) {
      throw asDiskFailure(error, `open ${this.#partitions.path(topic, partition)}`)
    }
  }

  /**
   * The partition's log, whose batches have `leaderEpoch` from here on: durable when it resolves. Does not hold up the event
   * loop, and what is called at the same time shares flushes. Throws what `log` throws.
   */
  beginEpoch(topic: string, partition: number, leaderEpoch: number, options: LogOptions): Promise<PartitionLog> {
    const beginning = this.#beginEpoch(topic, partition, leaderEpoch, options).finally(() => {
      this.#beginnings.delete(beginning)
    })
    this.#beginnings.add(beginning)
    return beginning
  }

  async #beginEpoch(topic: string, partition: number, leaderEpoch: number, options: LogOptions): Promise<PartitionLog> {
    if (this.#closing !== undefined) throw this.#closed()
    if (!this.has(topic, partition)) {
      this.#forgetGone(topic, partition)
      await this.#partitions.create(topic, partition, options.topicId)
    }
    const log = this.log(topic, partition, options)
    await log.assignEpoch(leaderEpoch)
    return log
  }

  /** What the checkpoints say of a partition that is gone must not be believed of a new one with its name. */
  #forgetGone(topic: string, partition: number): void {
    if (!this.has(topic, partition) && this.#checkpoints.forget(topic, partition)) this.#checkpoints.write()
  }

  /** Reads the metadata log before it is opened: changes nothing on the disk. Throws STORAGE_ERROR and what `look` throws. */
  examineMetadata(look: (log: ReadOnlyLog, recoveryPoint: number) => void): void {
    const directory = this.#partitions.path(CLUSTER_METADATA_TOPIC, 0)
    const place = { topic: CLUSTER_METADATA_TOPIC, partition: 0 }
    const logStartOffset = this.#checkpoints.logStartOffset(CLUSTER_METADATA_TOPIC, 0)
    const recoveryPoint = this.#checkpoints.recoveryPoint(CLUSTER_METADATA_TOPIC, 0) ?? 0
    try {
      const log = ReadOnlyLog.open(this.#environment, { ...place, directory, logStartOffset, isCompacted: false })
      try {
        look(log, recoveryPoint)
      } finally {
        log.close()
      }
    } catch (error) {
      throw asDiskFailure(error, `read ${directory}`)
    }
  }

  /** How many bytes each of the partition's segments has; asked of the disk, whether its log is open or not. */
  segmentSizes(topic: string, partition: number): number[] {
    return this.#partitions.segmentSizes(topic, partition)
  }

  /** How far the partition was compacted; undefined: never. */
  cleanedOffset(topic: string, partition: number): number | undefined {
    return this.#checkpoints.cleanedOffset(topic, partition)
  }

  /** Durable when it resolves: should the topic's policy change, it tells that gaps are right. */
  noteCleaned(topic: string, partition: number, offset: number): Promise<void> {
    return this.#inTurn(async () => {
      if (this.has(topic, partition)) this.#checkpoints.setCleanedOffset(topic, partition, offset)
      await this.#checkpoints.writeInBackground()
      this.#environment.files.syncDirectory(this.path)
    })
  }

  /** Flushes the metadata log and makes the directory a data directory. Durable when it resolves. */
  async finishCreation(): Promise<void> {
    assert(this.#isFresh, 'only a fresh directory is created')
    try {
      for (const { log } of this.#logs.values()) await log.flush()
      finishCreation(this.#environment, this.path)
      this.#isFresh = false
    } catch (error) {
      throw asDiskFailure(error, `create ${this.path}`)
    }
  }

  /** To be called after appends: every 64 MiB the checkpoints are written, as they are every 5 s. */
  appended(bytes: number): void {
    this.#cadence.appended(bytes)
  }

  /**
   * Flushes every open log, then writes recovery point, log start and high watermark of each. A crash after it costs
   * little recovery. A log that cannot be flushed is left out; its own callers learn of it.
   */
  writeCheckpoints(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#isFresh) return
      this.checkOwned()
      await Promise.allSettled(
        this.openLogs().map((log) => (log.flushedOffset < log.logEndOffset ? log.flush() : null)),
      )
      this.#updateCheckpoints()
      await this.#checkpoints.writeInBackground()
    })
  }

  /**
   * Deletes the partitions that are gone, with all they hold. Their directories are renamed first, so that a crash in the
   * middle leaves nothing that looks like a partition; the next open finishes. The topic's removal must be durable before.
   */
  removePartitions(isGone: (partition: ExistingPartition) => boolean): Promise<void> {
    return this.#inTurn(async () => {
      const { files } = this.#environment
      // Also those that are being made at this moment.
      await Promise.allSettled(this.#beginnings)
      for (const path of this.#takeAway(this.existing().filter(isGone))) {
        try {
          files.removeDirectory(path)
        } catch {
          // Someone may be reading it (Windows). It has a name that no partition has; the next open tries again.
        }
      }
    })
  }

  /**
   * Closes every log, writes the checkpoints and, if all of it went well, the clean-shutdown marker; then lets go of the
   * directory, whatever went wrong before. Rejects with the first failure. Idempotent.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#cadence.stop()
    await Promise.allSettled([this.#lastWrite, ...this.#beginnings])
    const failures = await closeInOrder({
      logs: this.openLogs(),
      checkOwned: () => this.#ownership.checkStillOurs(),
      writeCheckpoints: () => {
        if (this.#isFresh) return
        this.#updateCheckpoints()
        this.#checkpoints.write()
      },
      writeMark: () => {
        if (!this.#isFresh && this.#unrecovered.size === 0) this.#mark.write(this.openLogs())
      },
    })
    await this.#ownership.release().catch((error: unknown) => failures.push(error))
    if (failures.length > 0) throw asDiskFailure(failures[0], `close ${this.path}`)
  }

  #takeAway(places: readonly Place[]): string[] {
    if (places.length === 0) return []
    this.checkOwned()
    for (const place of places) {
      this.#logs.get(nameOf(place))?.log.abandon()
      this.#logs.delete(nameOf(place))
      this.#unrecovered.delete(nameOf(place))
      this.#checkpoints.forget(place.topic, place.partition)
    }
    this.#checkpoints.write()
    const paths = places.map(({ topic, partition }) => this.#partitions.takeAway(topic, partition))
    this.#environment.files.syncDirectory(this.path)
    return paths
  }

  #updateCheckpoints(): void {
    for (const { place, log } of this.#logs.values()) {
      const firstSegmentOffset = log.segments()[0]?.baseOffset ?? log.logStartOffset
      const { logStartOffset, flushedOffset, highWatermark } = log
      this.#checkpoints.update({ ...place, logStartOffset, firstSegmentOffset, flushedOffset, highWatermark })
    }
  }

  /** One after the other: checkpoint files have one temporary name each. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#lastWrite
      .catch(() => {})
      .then(work)
      .catch((error: unknown) => {
        throw asDiskFailure(error, `write to ${this.path}`)
      })
    this.#lastWrite = turn
    return turn
  }

  /**
   * Before anything is written: a removed lock file lets another process in, and a removed directory takes what is written
   * with it. Costs one stat, 2 µs.
   *
   * @throws {TidemarkError} OWNERSHIP_LOST.
   */
  checkOwned(): void {
    if (this.#closing !== undefined) throw this.#closed()
    this.#ownership.checkStillOurs()
  }

  #closed(): TidemarkError {
    return new TidemarkError('CLOSED', `${this.path} has been closed.`)
  }
}

function nameOf(place: Place): string {
  return partitionDirectoryName(place.topic, place.partition)
}
