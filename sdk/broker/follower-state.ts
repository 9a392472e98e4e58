import type { DirectoryReader } from '../directory/directory-reader.ts'
import { CLUSTER_METADATA_TOPIC } from '../directory/partition-directory.ts'
import type { Environment } from '../environment/environment.ts'
import { GroupTable } from '../group/group-table.ts'
import type { ReadOnlyLog } from '../log/read-only-log.ts'
import { groupPartition } from '../offsets/group-partition.ts'
import type { OffsetsTable } from '../offsets/offsets-table.ts'
import type { MetadataImage } from '../topic/metadata-image.ts'
import { CONSUMER_OFFSETS_TOPIC } from '../topic/topic-name.ts'
import { replayCoordinatorLog } from './coordinator-replay.ts'
import { readSlices } from './log-requests.ts'
import { damagedMetadata, describeRange, imageFromSnapshot, replayMetadata, replayStart } from './metadata-replay.ts'
import { ReplayPosition } from './replay-position.ts'

/**
 * What a follower knows, brought up to date by replaying what the owner has appended since the last look. Where a log that
 * was read already was cut or replaced, everything is read anew.
 */
export class FollowerState {
  readonly #environment: Environment
  readonly #reader: DirectoryReader
  #image: MetadataImage
  #metadataPosition = new ReplayPosition()
  #table = new GroupTable()
  /** By offsets partition. */
  #positions = new Map<number, ReplayPosition>()
  readonly #warnings = new Set<string>()

  constructor(environment: Environment, reader: DirectoryReader) {
    this.#environment = environment
    this.#reader = reader
    this.#image = this.#loadSnapshot()
  }

  /** Topics as the metadata log says now. Throws CORRUPT_BATCH, STORAGE_ERROR. */
  image(): MetadataImage {
    const log = this.#reader.log(CLUSTER_METADATA_TOPIC, 0, false)
    if (log === undefined || !hasChanged(log, this.#metadataPosition)) return this.#image
    if (!this.#metadataPosition.isIn(log)) this.#image = this.#loadSnapshot()
    const slices = readSlices(log, replayStart(this.#image, log), ({ range }) => {
      throw damagedMetadata(describeRange(range))
    })
    for (const slice of slices) {
      for (const batch of replayMetadata(this.#image, slice)) this.#metadataPosition.passed(batch)
    }
    return this.#image
  }

  /** What one group has committed, as its offsets partition says now: no other one is looked at. */
  offsetsOf(group: string): OffsetsTable {
    const count = this.image().topicByName(CONSUMER_OFFSETS_TOPIC)?.partitions.size
    const log = count === undefined ? undefined : this.#reader.log(CONSUMER_OFFSETS_TOPIC, groupPartition(group, count))
    const position = log && this.#positions.get(log.partition)
    if (log === undefined || position === undefined) return this.groups().offsets
    if (!hasChanged(log, position)) return this.#table.offsets
    if (!position.isIn(log)) return this.groups().offsets
    this.#replay(log)
    return this.#table.offsets
  }

  /** Groups and commits as `__consumer_offsets` says now. Throws CORRUPT_BATCH, STORAGE_ERROR. */
  groups(): GroupTable {
    this.#reader.refresh()
    const logs = this.#reader
      .partitions()
      .filter(({ topic }) => topic === CONSUMER_OFFSETS_TOPIC)
      .flatMap(({ topic, partition }) => this.#reader.log(topic, partition) ?? [])
    const changed = logs.filter((log) => hasChanged(log, this.#positions.get(log.partition)))
    if (changed.some((log) => this.#positions.get(log.partition)?.isIn(log) === false)) return this.#rebuild(logs)
    if (logs.length < this.#positions.size) return this.#rebuild(logs)
    for (const log of changed) this.#replay(log)
    return this.#table
  }

  /** The position begins where the log goes on behind the snapshot. */
  #loadSnapshot(): MetadataImage {
    const image = imageFromSnapshot(this.#environment.files, this.#reader.path)
    this.#metadataPosition = new ReplayPosition()
    this.#metadataPosition.nextOffset = image.replayedOffset + 1
    return image
  }

  #rebuild(logs: readonly ReadOnlyLog[]): GroupTable {
    this.#table = new GroupTable()
    this.#positions = new Map()
    for (const log of logs) this.#replay(log)
    return this.#table
  }

  #replay(log: ReadOnlyLog): void {
    const position = this.#positions.get(log.partition) ?? new ReplayPosition()
    this.#positions.set(log.partition, position)
    const replay = (batch: Parameters<ReplayPosition['passed']>[0]) => {
      this.#table.replayBatch(log.partition, batch)
      position.passed(batch)
    }
    position.nextOffset = replayCoordinatorLog(log, position.nextOffset, replay, (message) => this.#warn(message))
  }

  /** Once, however often everything is read anew. */
  #warn(message: string): void {
    if (this.#warnings.has(message)) return
    this.#warnings.add(message)
    this.#environment.process.emitWarning(message, 'TIDEMARK_COMMITS_DAMAGED')
  }
}

/** Looks at the files: has the log grown, or changed otherwise, since it was replayed? */
function hasChanged(log: ReadOnlyLog, position: ReplayPosition | undefined): boolean {
  return log.refresh() || position === undefined || log.logEndOffset !== position.nextOffset
}
