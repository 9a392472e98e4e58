import { aFunction, checkOptions, type OptionKinds, object, signal } from '../client/option-check.ts'
import { CLEAN_SHUTDOWN } from '../directory/clean-shutdown.ts'
import { META_PROPERTIES } from '../directory/meta-properties.ts'
import {
  CLUSTER_METADATA_TOPIC,
  METADATA_DIRECTORY,
  PARTITION_METADATA,
  parsePartitionDirectory,
} from '../directory/partition-directory.ts'
import type { Environment, FileSystem } from '../environment/environment.ts'
import { nodeEnvironment } from '../environment/node-environment.ts'
import { TidemarkError } from '../errors.ts'
import { GroupTable } from '../group/group-table.ts'
import { DEFAULT_LOG_CONFIG } from '../log/log-config.ts'
import { parseSegmentFileName } from '../log/segment-name.ts'
import { asDiskFailure, errnoOf } from '../log/storage-error.ts'
import { groupPartition } from '../offsets/group-partition.ts'
import { OFFSETS_TOPIC_PARTITIONS } from '../topic/internal-topics.ts'
import { CONSUMER_OFFSETS_TOPIC, isInternalTopic } from '../topic/topic-name.ts'
import type { CheckContext } from './check-context.ts'
import { type CommittedPartition, checkCommits } from './commit-check.ts'
import { DirectoryCheck } from './directory-check.ts'
import { type Finding, Findings, isSameFinding, isTrouble } from './finding.ts'
import { KeyHome } from './key-home.ts'
import { MetadataCheck } from './metadata-check.ts'
import { OffsetsTopicCheck } from './offsets-topic-check.ts'
import { type BatchVisitor, checkPartition, type PartitionFacts, type PartitionOutcome } from './partition-check.ts'
import { checkPlaces, type PlacedPartition } from './place-check.ts'

export type { Finding, FindingRule, Severity } from './finding.ts'

/** How far a check is: partitions, and bytes of logs with their batches and records. */
export interface VerifyProgress {
  /** Partitions that have been looked at. */
  readonly partitionsDone: number
  /** Partitions that there are. */
  readonly partitionsTotal: number
  /** Bytes that have been read. */
  readonly sizeBytes: number
  /** Batches in them. */
  readonly batches: number
  /** Records in them. */
  readonly records: number
}

/** How to follow and to end a check. */
export interface VerifyOptions {
  /** Where the directory is. Default: the machine this process runs on. Others are for tests: `tidemark/testing`. */
  readonly environment?: Environment
  /** Called every few megabytes and after every partition. */
  readonly onProgress?: (progress: VerifyProgress) => void
  /** Ends the check with ABORTED. */
  readonly signal?: AbortSignal
}

const OPTION_KINDS: OptionKinds<VerifyOptions> = {
  environment: object('an environment, such as one of tidemark/testing'),
  onProgress: aFunction,
  signal,
}

/**
 * Reads everything in a data directory and says what is wrong: every batch with its checksum and all its records, the
 * order of offsets and leader epochs, every index entry, producer snapshots, checkpoints, ids, the metadata log,
 * `__consumer_offsets` and where its commits point to. Changes nothing, takes no lock, and may be used while another
 * process writes to the directory: what is found then is looked at twice, since a half-written batch is no damage.
 *
 * What the disk or the permissions do not let it read becomes a finding, and the rest is checked.
 *
 * What nothing in the files can tell: whether whole batches are missing from the end of a log after a crash, and whether
 * two partitions of a topic were swapped that have the same length, or were left by a crash, and hold fewer than 20 keys.
 *
 * @returns what was found, empty if nothing was; `note`s are no trouble (see `Finding.severity`)
 * @throws {TidemarkError} NOT_A_DATA_DIRECTORY, STORAGE_ERROR where the directory itself cannot be listed, ABORTED
 */
export async function verifyDirectory(directory: string, options: VerifyOptions = {}): Promise<Finding[]> {
  checkOptions('verifyDirectory', options, OPTION_KINDS)
  const environment = options.environment ?? nodeEnvironment()
  const path = environment.files.realPath(directory)
  checkIsDataDirectory(environment, path)
  const before = fingerprint(environment, path)
  const found = await new Verification(environment, path, options).run()
  if (!found.some(isTrouble) || fingerprint(environment, path) === before) return found
  // Somebody writes to it: what a second look does not see was a change caught in the middle.
  const again = await new Verification(environment, path, options).run()
  return again.filter((finding) => found.some((other) => isSameFinding(finding, other)))
}

/** One look at everything. */
class Verification {
  readonly #context: CheckContext
  readonly #directory: DirectoryCheck
  readonly #metadata: MetadataCheck
  readonly #table = new GroupTable()
  readonly #findings: Finding[] = []
  readonly #outcomes = new Map<string, CommittedPartition>()
  readonly #places: PlacedPartition[] = []
  readonly #options: VerifyOptions
  #progress: VerifyProgress = { partitionsDone: 0, partitionsTotal: 0, sizeBytes: 0, batches: 0, records: 0 }

  constructor(environment: Environment, directory: string, options: VerifyOptions) {
    const { files } = environment
    this.#options = options
    this.#context = {
      environment,
      directory,
      wasCleanShutdown: files.stat(files.join(directory, CLEAN_SHUTDOWN)) !== undefined,
      progress: (sizeBytes, batches, records) => this.#advance({ sizeBytes, batches, records }),
      signal: options.signal,
    }
    // Checkpoints and metadata before the logs, commits before the logs they point into: what comes later is further on.
    this.#directory = new DirectoryCheck(this.#context)
    this.#metadata = new MetadataCheck(this.#context)
  }

  async run(): Promise<Finding[]> {
    const live = this.#directory.partitionDirectories()
    this.#progress = { ...this.#progress, partitionsTotal: live.size }
    const order = [...live].sort(([, one], [, other]) => rank(one.topic) - rank(other.topic))
    for (const [name, { topic, partition }] of order) await this.#checkPartition(name, topic, partition)
    const { image, isReadable, findings } = this.#metadata
    this.#directory.checkIdentity(image)
    if (isReadable) this.#directory.checkMissing(live, image)
    const count = this.#offsetsPartitionCount()
    const commits = checkCommits({
      table: this.#table,
      fileOf: (group) => {
        const partition = groupPartition(group, count)
        return { partition, file: `${CONSUMER_OFFSETS_TOPIC}-${partition}` }
      },
      find: (topic, partition) => this.#find(topic, partition),
    })
    const places = checkPlaces(this.#places, isReadable)
    // What a swap explains is not lost.
    const others = this.#findings.filter(({ rule, file }) => rule !== 'log-end' || !places.explained.has(file))
    return [...this.#directory.findings.list, ...findings, ...others, ...places.findings, ...commits]
  }

  async #checkPartition(name: string, topic: string, partition: number): Promise<void> {
    await this.#breathe()
    const facts = this.#factsOf(name, topic, partition)
    const keys = new KeyHome(partition, isInternal(topic) ? 0 : this.#partitionCount(topic))
    const offsets = new OffsetsTopicCheck(partition, this.#offsetsPartitionCount(), this.#table)
    const visit: BatchVisitor = (batch, position, file) => {
      if (topic === CLUSTER_METADATA_TOPIC) this.#metadata.visit(batch, position, file)
      else if (topic === CONSUMER_OFFSETS_TOPIC) offsets.visit(batch, position, file)
      else keys.visit(batch)
    }
    try {
      const outcome = await checkPartition(facts, this.#context, visit)
      const { list } = outcome.findings
      this.#note(facts, outcome, keys.elsewhere)
      this.#findings.push(...list)
      if (topic === CONSUMER_OFFSETS_TOPIC) this.#findings.push(...offsets.findings)
      if (name === METADATA_DIRECTORY && list.some(isLogIncomplete)) this.#metadata.markIncomplete()
    } catch (error) {
      this.#noteFailure(error, facts)
    }
    this.#advance({ partitionsDone: 1 })
  }

  #note(facts: PartitionFacts, outcome: PartitionOutcome, keysElsewhere: number | undefined): void {
    const { topic, partition, directoryName, recoveryPoint } = facts
    const { topicId, logStartOffset, logEndOffset, findings } = outcome
    const lost = findings.list.flatMap(({ offsetsLost }) => offsetsLost ?? [])
    this.#outcomes.set(directoryName, { topicId: topicId ?? null, logStartOffset, logEndOffset, lost })
    const closedAt = this.#context.wasCleanShutdown ? recoveryPoint : undefined
    this.#places.push({ topic, partition, directoryName, topicId, logEndOffset, closedAt, keysElsewhere })
  }

  /** Between two partitions, so that a progress line is seen and a signal heard also where all are small. */
  async #breathe(): Promise<void> {
    const { environment, signal } = this.#context
    await environment.timers.yield()
    if (signal?.aborted) throw new TidemarkError('ABORTED', 'The check was stopped before its end.')
  }

  #factsOf(directoryName: string, topic: string, partition: number): PartitionFacts {
    const { image, isReadable } = this.#metadata
    const found = image.topicByName(topic)
    const known = found?.partitions.get(partition)
    const configs = image.configs(topic)
    return {
      topic,
      partition,
      directoryName,
      expected: found && known && { topicId: found.topicId, leaderEpoch: known.leaderEpoch },
      isMetadataReadable: isReadable,
      isCompacted:
        topic === CONSUMER_OFFSETS_TOPIC ||
        configs.get('cleanup.policy')?.includes('compact') === true ||
        this.#directory.cleanedOffsets.has(directoryName),
      indexIntervalBytes: Number(configs.get('index.interval.bytes') ?? DEFAULT_LOG_CONFIG.indexIntervalBytes),
      recoveryPoint: this.#directory.recoveryPoints.get(directoryName),
      highWatermark: this.#directory.highWatermarks.get(directoryName),
      logStartOffset: this.#directory.logStarts.get(directoryName),
    }
  }

  #find(topic: string, partition: number): CommittedPartition | undefined {
    const { image, isReadable } = this.#metadata
    const outcome = this.#outcomes.get(`${topic}-${partition}`)
    const found = image.topicByName(topic)
    // Without the metadata the directories are all there is to go by.
    if (found?.partitions.has(partition) !== true) return isReadable ? undefined : outcome
    const { topicId } = found
    return outcome === undefined ? { ...EMPTY, topicId } : { ...outcome, topicId }
  }

  #partitionCount(topic: string): number {
    return this.#metadata.image.topicByName(topic)?.partitions.size ?? 0
  }

  #offsetsPartitionCount(): number {
    return this.#partitionCount(CONSUMER_OFFSETS_TOPIC) || OFFSETS_TOPIC_PARTITIONS
  }

  #noteFailure(error: unknown, { topic, partition, directoryName }: PartitionFacts): void {
    // Its topic was deleted since the directory was listed.
    if (errnoOf(error) === 'ENOENT') return
    new Findings(topic, partition, this.#findings).addUnreadable(directoryName, error, 'This partition')
    this.#outcomes.set(directoryName, { ...EMPTY, topicId: null, logEndOffset: Number.POSITIVE_INFINITY })
    if (directoryName === METADATA_DIRECTORY) this.#metadata.markIncomplete()
  }

  #advance(by: Partial<VerifyProgress>): void {
    const { partitionsDone, partitionsTotal, sizeBytes, batches, records } = this.#progress
    this.#progress = {
      partitionsDone: partitionsDone + (by.partitionsDone ?? 0),
      partitionsTotal,
      sizeBytes: sizeBytes + (by.sizeBytes ?? 0),
      batches: batches + (by.batches ?? 0),
      records: records + (by.records ?? 0),
    }
    this.#options.onProgress?.(this.#progress)
  }
}

/** What commits see of a partition whose directory is not there. */
const EMPTY = { logStartOffset: 0, logEndOffset: 0, lost: [] } as const

/** Whether some batches were not seen, or not as they were written. */
function isLogIncomplete({ severity, rule, file }: Finding): boolean {
  return severity === 'damage' || (rule === 'unreadable' && file.endsWith('.log'))
}

function isInternal(topic: string): boolean {
  return topic === CLUSTER_METADATA_TOPIC || isInternalTopic(topic)
}

/** The metadata log first, then the commits, then what they point to. */
function rank(topic: string): number {
  return topic === CLUSTER_METADATA_TOPIC ? 0 : topic === CONSUMER_OFFSETS_TOPIC ? 1 : 2
}

function checkIsDataDirectory(environment: Environment, path: string): void {
  const { files } = environment
  const stat = files.stat(path)
  if (stat === undefined) throw new TidemarkError('NOT_A_DATA_DIRECTORY', `${path} does not exist.`)
  if (!stat.isDirectory) throw new TidemarkError('NOT_A_DATA_DIRECTORY', `${path} is not a directory.`)
  let names: string[]
  try {
    names = files.list(path)
  } catch (error) {
    throw asDiskFailure(error, `list ${path}`)
  }
  if (names.includes(META_PROPERTIES) || names.some((name) => looksLikePartition(files, path, name))) return
  const message =
    names.length === 0
      ? `${path} is empty: there is nothing to verify.`
      : looksLikePartition(files, path, '.')
        ? `${path} is a partition, or a part of one. Name the data directory it belongs to: ${files.join(path, '..')}`
        : `${path} has no ${META_PROPERTIES} and no partitions, so it is no data directory. Name the directory that holds them.`
  throw new TidemarkError('NOT_A_DATA_DIRECTORY', message)
}

/** Names such as "libxml2-2" are found in all kinds of directories, so there must be something of Kafka's in it. */
function looksLikePartition(files: FileSystem, path: string, name: string): boolean {
  if (name !== '.' && parsePartitionDirectory(name)?.kind !== 'live') return false
  try {
    const directory = files.join(path, name)
    if (!files.stat(directory)?.isDirectory) return false
    return files
      .list(directory)
      .some((file) => file === PARTITION_METADATA || parseSegmentFileName(file)?.suffix === '.log')
  } catch (error) {
    // What may not be looked into has the right name at least.
    if (errnoOf(error) === undefined) throw error
    return name !== '.'
  }
}

/** Changes when anything in the directory does. */
function fingerprint(environment: Environment, path: string): string {
  const { files } = environment
  const parts: string[] = []
  const visit = (directory: string): void => {
    for (const name of files.list(directory).sort()) {
      const child = files.join(directory, name)
      const stat = files.stat(child)
      if (stat === undefined) continue
      parts.push(`${child} ${stat.inode} ${stat.isDirectory ? '' : `${stat.sizeBytes} ${stat.modifiedMs}`}`)
      if (stat.isDirectory) visitIfThere(child)
    }
  }
  const visitIfThere = (directory: string): void => {
    try {
      visit(directory)
    } catch (error) {
      // Gone meanwhile, or not to be read, which is reported elsewhere.
      if (errnoOf(error) === undefined) throw error
    }
  }
  visitIfThere(path)
  return parts.join('\n')
}
