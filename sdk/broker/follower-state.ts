import type { DirectoryReader } from '../directory/directory-reader.ts'
import { METADATA_TOPIC } from '../directory/partition-directory.ts'
import type { Environment } from '../environment/environment.ts'
import { GroupTable } from '../group/group-table.ts'
import type { MetadataImage } from '../topic/metadata-image.ts'
import { CONSUMER_OFFSETS_TOPIC } from '../topic/topic-name.ts'
import { readSlices } from './log-requests.ts'
import { imageFromSnapshot, replayMetadata } from './metadata-replay.ts'
import { loadGroups } from './offsets-loading.ts'

/**
 * What a follower knows, brought up to date by replaying what the owner has appended since the last look. Where the
 * owner cut a log that was read already, everything is read anew.
 */
export class FollowerState {
  readonly #environment: Environment
  readonly #reader: DirectoryReader
  #image: MetadataImage
  #table = new GroupTable()
  /** The next offset to replay, by offsets partition. */
  readonly #nextOffsets = new Map<number, number>()

  constructor(environment: Environment, reader: DirectoryReader) {
    this.#environment = environment
    this.#reader = reader
    this.#image = imageFromSnapshot(environment.files, reader.path)
  }

  /** Topics as the metadata log says now. Throws CORRUPT_BATCH, STORAGE_ERROR. */
  image(): MetadataImage {
    const log = this.#reader.log(METADATA_TOPIC, 0)
    if (log === undefined) return this.#image
    log.refresh()
    if (log.logEndOffset <= this.#image.replayedOffset) {
      if (log.logEndOffset <= this.#image.appliedOffset)
        this.#image = imageFromSnapshot(this.#environment.files, this.#reader.path)
    }
    for (const slice of readSlices(log, this.#image.replayedOffset + 1, 'logEndOffset'))
      replayMetadata(this.#image, slice)
    return this.#image
  }

  /** Groups and commits as `__consumer_offsets` says now. */
  groups(): GroupTable {
    this.#reader.refresh()
    const logs = this.#reader
      .partitions()
      .filter(({ topic }) => topic === CONSUMER_OFFSETS_TOPIC)
      .flatMap(({ topic, partition }) => this.#reader.log(topic, partition) ?? [])
    for (const log of logs) log.refresh()
    const wasCut = logs.some((log) => log.logEndOffset < (this.#nextOffsets.get(log.partition) ?? 0))
    if (wasCut || logs.length < this.#nextOffsets.size) {
      this.#table = new GroupTable()
      this.#nextOffsets.clear()
    }
    for (const log of logs) {
      const { partition } = log
      const fromOffset = this.#nextOffsets.get(partition) ?? 0
      if (fromOffset >= log.logEndOffset && fromOffset > 0) continue
      const nextOffset = loadGroups(
        log,
        fromOffset,
        (batch) => this.#table.replayBatch(partition, batch),
        () => {},
      )
      this.#nextOffsets.set(partition, nextOffset)
    }
    return this.#table
  }
}
