import { replayCoordinatorLog } from '../broker/coordinator-replay.ts'
import { damagedMetadata, readImage } from '../broker/metadata-replay.ts'
import { DirectoryCheckpoints } from '../directory/directory-checkpoints.ts'
import {
  CLUSTER_METADATA_TOPIC,
  METADATA_DIRECTORY,
  PARTITION_METADATA,
  parsePartitionDirectory,
  partitionDirectoryName,
  readPartitionMetadata,
} from '../directory/partition-directory.ts'
import type { Environment, FileSystem } from '../environment/environment.ts'
import { GroupTable } from '../group/group-table.ts'
import { type CopiedLog, LogCopy } from '../log/log-copy.ts'
import type { LogView } from '../log/log-view.ts'
import { ReadOnlyLog } from '../log/read-only-log.ts'
import { errnoOf } from '../log/storage-error.ts'
import { readWholeFile, replaceWholeFile } from '../log/whole-file.ts'
import type { MetadataImage } from '../topic/metadata-image.ts'
import { BOOTSTRAP_CHECKPOINT, parseSnapshotName } from '../topic/metadata-snapshot.ts'
import { CONSUMER_OFFSETS_TOPIC, isInternalTopic, TRANSACTION_STATE_TOPIC } from '../topic/topic-name.ts'
import { CopiedTransactions } from './copied-transactions.ts'

export interface CopyProgress {
  readonly partitionsDone: number
  readonly partitionsTotal: number
  readonly sizeBytes: number
}

interface FoundPartition {
  readonly name: string
  readonly topic: string
  readonly partition: number
  /** undefined where its directory does not say (yet). */
  readonly topicId: string | undefined
}

interface CopiedPartition extends FoundPartition {
  readonly log: LogCopy
  /** As of the last pass. */
  ends: CopiedLog | undefined
}

/** Where topics are deleted all the time, what is left of their commits is for `verify` to tell. */
const MAX_PASSES = 20
const QUORUM_STATE = 'quorum-state'

/**
 * Copies everything in a data directory but its lock, its mark of an orderly stop and what is being deleted.
 *
 * What points goes before what it points to: checkpoints (told by a log that is longer by then), the state of transactions
 * (`CopiedTransactions`), that of groups, the other logs, and last the metadata, so that no log is newer than its topic and no leader epoch is unknown.
 * The one thing this leaves open is a topic that was deleted meanwhile, with commits that were copied before: then all is
 * brought up to date once more.
 */
export class DirectoryCopy {
  readonly #environment: Environment
  readonly #files: FileSystem
  readonly #from: string
  readonly #to: string
  readonly #progress: (progress: CopyProgress) => void
  readonly #copied = new Map<string, CopiedPartition>()
  /** As of this pass; undefined where there are none. */
  #transactions: CopiedTransactions | undefined
  #sizeBytes = 0
  #done = 0
  #total = 0

  /** `progress` may throw to end it. */
  constructor(
    environment: Environment,
    where: { readonly from: string; readonly to: string },
    progress: (progress: CopyProgress) => void,
  ) {
    this.#environment = environment
    this.#files = environment.files
    this.#from = where.from
    this.#to = where.to
    this.#progress = progress
  }

  /** Durable on return; all but `meta.properties`. */
  async run(): Promise<{ partitions: number; sizeBytes: number }> {
    let danglingBefore = ''
    for (let pass = 0; pass < MAX_PASSES; pass++) {
      const dangling = await this.#pass()
      // None, or the same again: so it is in the source.
      if (dangling === '' || dangling === danglingBefore) break
      danglingBefore = dangling
    }
    this.#files.syncDirectory(this.#to)
    return { partitions: this.#copied.size, sizeBytes: this.#sizeBytes }
  }

  /** Returns why it has to be done again, such as the commits that point to what the copy does not have; '' if it need not be. */
  async #pass(): Promise<string> {
    const { files } = this.#environment
    // In this order, so that nothing is believed of a partition that was said of an older one with its name.
    const before = this.#list()
    const checkpoints = DirectoryCheckpoints.read(this.#environment, this.#from)
    this.#done = 0
    this.#total = before.length
    await this.#copyTransactions(before)
    // Listed anew: of what was decided just now the commit may be the first of its partition.
    await this.#copyAll(this.#list().filter((each) => isInternalTopic(each.topic) && !isTransactionState(each)))
    const now = this.#list()
    await this.#copyAll(now.filter(({ topic }) => !isInternalTopic(topic) && topic !== CLUSTER_METADATA_TOPIC))
    await this.#copyMetadata()
    const image = this.#image()
    this.#keepOnly(new Set(now.filter((each) => isIn(image, each)).map(({ name }) => name)))
    this.#writeCheckpoints(checkpoints, before)
    const bootstrap = readWholeFile(files, files.join(this.#from, BOOTSTRAP_CHECKPOINT))
    if (bootstrap !== undefined) replaceWholeFile(files, this.#to, BOOTSTRAP_CHECKPOINT, bootstrap)
    const isFirst = this.#transactions === undefined && this.#list().some(isTransactionState)
    if (isFirst) return 'the first transaction was begun meanwhile'
    return this.#danglingCommits(image)
  }

  /** What is decided by then is whole in the copy; what is decided later is not in it. */
  async #copyTransactions(found: readonly FoundPartition[]): Promise<void> {
    const states = found.filter(isTransactionState)
    const transactions = new CopiedTransactions()
    this.#transactions = states.length === 0 ? undefined : transactions
    if (states.length === 0) return
    for (const { name, topic, partition } of found) {
      if (topic === TRANSACTION_STATE_TOPIC || topic === CLUSTER_METADATA_TOPIC) continue
      const log = ReadOnlyLog.open(this.#environment, {
        directory: this.#files.join(this.#from, name),
        topic,
        partition,
      })
      transactions.noteEnd(name, log.logEndOffset)
      log.close()
    }
    await this.#copyAll(states)
    for (const { name, topic, partition } of states) {
      const log = ReadOnlyLog.open(this.#environment, { directory: this.#files.join(this.#to, name), topic, partition })
      replayCoordinatorLog(log, 0, (batch) => transactions.replayBatch(batch), noop)
      log.close()
    }
  }

  async #copyAll(partitions: readonly FoundPartition[]): Promise<void> {
    for (const each of partitions) {
      await this.#copyPartition(each)
      this.#done++
      this.#tell()
      await this.#environment.timers.yield()
    }
  }

  async #copyPartition(found: FoundPartition): Promise<void> {
    const { name, topicId } = found
    if (this.#copied.get(name)?.topicId !== topicId) this.#drop(name)
    const partition = this.#copied.get(name) ?? { ...found, log: this.#logCopy(found), ends: undefined }
    this.#copied.set(name, partition)
    partition.ends = await partition.log.copy()
    const isSame = partition.ends !== undefined && this.#topicIdOf(name) === topicId
    if (isSame) this.#copyFile(name, PARTITION_METADATA)
    else this.#drop(name)
  }

  async #copyMetadata(): Promise<void> {
    const found = { name: METADATA_DIRECTORY, topic: CLUSTER_METADATA_TOPIC, partition: 0, topicId: undefined }
    const known = this.#copied.get(METADATA_DIRECTORY) ?? { ...found, log: this.#logCopy(found), ends: undefined }
    this.#copied.set(METADATA_DIRECTORY, known)
    this.#files.makeDirectory(this.#files.join(this.#to, METADATA_DIRECTORY))
    // Both before and after: the log may begin where the first ends, and may be let go of up to the second.
    this.#copySnapshots()
    known.ends = await known.log.copy()
    if (known.ends === undefined) throw damagedMetadata('it is not there')
    this.#copySnapshots()
    const { logEndOffset } = known.ends
    const folder = this.#files.join(this.#to, METADATA_DIRECTORY)
    for (const name of this.#files.list(folder)) {
      if ((parseSnapshotName(name)?.endOffset ?? 0) > logEndOffset) this.#files.remove(this.#files.join(folder, name))
    }
    for (const name of [PARTITION_METADATA, QUORUM_STATE]) this.#copyFile(METADATA_DIRECTORY, name)
    this.#done++
    this.#tell()
  }

  #copySnapshots(): void {
    for (const name of this.#files.list(this.#files.join(this.#from, METADATA_DIRECTORY))) {
      if (parseSnapshotName(name) !== undefined) this.#copyFile(METADATA_DIRECTORY, name)
    }
  }

  /** A small file that its owner replaces as a whole, if it is there. */
  #copyFile(folder: string, name: string): void {
    const bytes = readWholeFile(this.#files, this.#files.join(this.#from, folder, name))
    if (bytes !== undefined) replaceWholeFile(this.#files, this.#files.join(this.#to, folder), name, bytes)
  }

  #image(): MetadataImage {
    const directory = this.#files.join(this.#to, METADATA_DIRECTORY)
    const place = { directory, topic: CLUSTER_METADATA_TOPIC, partition: 0, isCompacted: false }
    const log = ReadOnlyLog.open(this.#environment, place)
    try {
      return readImage(this.#files, this.#to, log)
    } finally {
      log.close()
    }
  }

  #danglingCommits(image: MetadataImage): string {
    const table = new GroupTable()
    for (const { name, topic, partition } of this.#copied.values()) {
      if (topic !== CONSUMER_OFFSETS_TOPIC) continue
      const log = ReadOnlyLog.open(this.#environment, { directory: this.#files.join(this.#to, name), topic, partition })
      // Damaged commits are for `verify` to tell.
      replayCoordinatorLog(log, 0, (batch) => table.replayBatch(partition, batch), noop)
      log.close()
    }
    const { offsets } = table
    const commits = [...offsets.groups()].flatMap((group) => {
      return offsets.partitionsOf(group).map((commit) => ({ ...commit, group }))
    })
    return commits
      .filter(({ topic, partition, topicId, offset }) => {
        const known = image.topicByName(topic)
        const isThere = known?.partitions.has(partition) === true && (topicId === null || topicId === known.topicId)
        return (
          !isThere || offset > (this.#copied.get(partitionDirectoryName(topic, partition))?.ends?.logEndOffset ?? 0)
        )
      })
      .map(({ group, topic, partition, topicId, offset }) => `${group} ${topic}-${partition} ${topicId} ${offset}`)
      .sort()
      .join('\n')
  }

  /** What was flushed stays what the source says: whoever opens the copy checks the rest, and is told what is missing. */
  #writeCheckpoints(known: DirectoryCheckpoints, before: readonly FoundPartition[]): void {
    const now = DirectoryCheckpoints.read(this.#environment, this.#from)
    const written = DirectoryCheckpoints.load(this.#environment, this.#to)
    for (const point of written.recoveryPoints()) written.forget(point.topic, point.partition)
    const ids = new Map(before.map(({ name, topicId }) => [name, topicId]))
    for (const { name, topic, partition, topicId, ends } of this.#copied.values()) {
      if (ends === undefined || (topicId !== undefined && ids.get(name) !== topicId)) continue
      const { logEndOffset, firstSegmentOffset } = ends
      written.update({
        ...{ topic, partition, firstSegmentOffset, highWatermark: logEndOffset },
        logStartOffset: known.logStartOffset(topic, partition) ?? firstSegmentOffset,
        flushedOffset: known.recoveryPoint(topic, partition) ?? 0,
      })
      // Compacted for the first time meanwhile: nothing of the copy counts as clean, but its gaps are right.
      const isCleaned = now.cleanedOffset(topic, partition) !== undefined
      const cleaned = known.cleanedOffset(topic, partition) ?? (isCleaned ? 0 : undefined)
      if (cleaned !== undefined) written.setCleanedOffset(topic, partition, Math.min(cleaned, logEndOffset))
    }
    written.write()
  }

  #keepOnly(names: ReadonlySet<string>): void {
    for (const name of [...this.#copied.keys()]) {
      if (!names.has(name) && name !== METADATA_DIRECTORY) this.#drop(name)
    }
  }

  #drop(name: string): void {
    this.#copied.delete(name)
    this.#files.removeDirectory(this.#files.join(this.#to, name))
  }

  #logCopy({ name, topic, partition }: FoundPartition): LogCopy {
    const where = { from: this.#files.join(this.#from, name), to: this.#files.join(this.#to, name), topic, partition }
    const onBytes = (bytes: number): void => {
      this.#sizeBytes += bytes
    }
    const endOf = (log: LogView): number => {
      const isData = topic !== TRANSACTION_STATE_TOPIC && topic !== CLUSTER_METADATA_TOPIC
      return isData && this.#transactions !== undefined ? this.#transactions.endOf(name, log) : log.logEndOffset
    }
    return new LogCopy(this.#environment, where, { onBytes, check: () => this.#tell(), endOf })
  }

  #tell(): void {
    // More may have come since they were counted.
    const partitionsTotal = Math.max(this.#total, this.#done)
    this.#progress({ partitionsDone: this.#done, partitionsTotal, sizeBytes: this.#sizeBytes })
  }

  #list(): FoundPartition[] {
    const found: FoundPartition[] = []
    for (const name of this.#files.list(this.#from).sort()) {
      const parsed = parsePartitionDirectory(name)
      if (parsed?.kind !== 'live' || !this.#files.stat(this.#files.join(this.#from, name))?.isDirectory) continue
      const { topic, partition } = parsed
      found.push({ name, topic, partition, topicId: this.#topicIdOf(name) })
    }
    return found
  }

  #topicIdOf(name: string): string | undefined {
    try {
      return readPartitionMetadata(this.#files, this.#files.join(this.#from, name))
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined
      throw error
    }
  }
}

/** A directory that does not say whose it is goes by its name. */
function isIn(image: MetadataImage, { topic, partition, topicId }: FoundPartition): boolean {
  if (topic === CLUSTER_METADATA_TOPIC) return true
  const known = image.topicByName(topic)
  return known?.partitions.has(partition) === true && (topicId === undefined || topicId === known.topicId)
}

function isTransactionState({ topic }: FoundPartition): boolean {
  return topic === TRANSACTION_STATE_TOPIC
}

function noop(): void {}
