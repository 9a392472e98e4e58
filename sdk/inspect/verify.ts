import { CLEAN_SHUTDOWN } from '../directory/clean-shutdown.ts'
import { META_PROPERTIES } from '../directory/meta-properties.ts'
import {
  CLUSTER_METADATA_TOPIC,
  METADATA_DIRECTORY,
  parsePartitionDirectory,
} from '../directory/partition-directory.ts'
import type { Environment } from '../environment/environment.ts'
import { TidemarkError } from '../errors.ts'
import { GroupTable } from '../group/group-table.ts'
import { DEFAULT_LOG_CONFIG } from '../log/log-config.ts'
import { errnoOf } from '../log/storage-error.ts'
import { groupPartition } from '../offsets/group-partition.ts'
import { OFFSETS_TOPIC_PARTITIONS } from '../topic/internal-topics.ts'
import { CONSUMER_OFFSETS_TOPIC } from '../topic/topic-name.ts'
import type { CheckContext } from './check-context.ts'
import { type CommittedPartition, checkCommits } from './commit-check.ts'
import { DirectoryCheck } from './directory-check.ts'
import { type Finding, Findings, isSameFinding, isTrouble } from './finding.ts'
import { MetadataCheck } from './metadata-check.ts'
import { OffsetsTopicCheck } from './offsets-topic-check.ts'
import { type BatchVisitor, checkPartition, type PartitionFacts, type PartitionOutcome } from './partition-check.ts'

export type { Finding, FindingRule, Severity } from './finding.ts'

/** How far a check is: partitions, and bytes of logs with their batches and records. */
export interface VerifyProgress {
  readonly partitionsDone: number
  readonly partitionsTotal: number
  readonly sizeBytes: number
  readonly batches: number
  readonly records: number
}

/** How to follow and to end a check. */
export interface VerifyOptions {
  /** Called every few megabytes and after every partition. */
  readonly onProgress?: (progress: VerifyProgress) => void
  /** Ends the check with ABORTED. */
  readonly signal?: AbortSignal
}

/**
 * Reads everything in a data directory and says what is wrong: every batch with its checksum and all its records, the
 * order of offsets and leader epochs, every index entry, producer snapshots, checkpoints, ids, the metadata log,
 * `__consumer_offsets` and where its commits point to. Changes nothing, takes no lock, and may be used while another
 * process writes to the directory: what is found then is looked at twice, since a half-written batch is no damage.
 *
 * @returns what was found, empty if nothing was; `note`s are no trouble (see `Finding.severity`)
 * @throws {TidemarkError} NOT_A_DATA_DIRECTORY, ABORTED
 */
export async function verifyDirectory(
  environment: Environment,
  directory: string,
  options: VerifyOptions = {},
): Promise<Finding[]> {
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
  readonly #outcomes = new Map<string, PartitionOutcome>()
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
    const { image, isReadable } = this.#metadata
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
    return [...this.#directory.findings.list, ...this.#findings, ...commits]
  }

  async #checkPartition(name: string, topic: string, partition: number): Promise<void> {
    const facts = this.#factsOf(name, topic, partition)
    const offsets = new OffsetsTopicCheck(partition, this.#offsetsPartitionCount(), this.#table)
    const visit: BatchVisitor = (batch, position, file) => {
      if (topic === CLUSTER_METADATA_TOPIC) this.#metadata.visit(batch, position, file)
      else if (topic === CONSUMER_OFFSETS_TOPIC) offsets.visit(batch, position, file)
    }
    try {
      const outcome = await checkPartition(facts, this.#context, visit)
      const { list } = outcome.findings
      this.#outcomes.set(name, outcome)
      this.#findings.push(...list)
      if (topic === CONSUMER_OFFSETS_TOPIC) this.#findings.push(...offsets.findings)
      if (name === METADATA_DIRECTORY && list.some(({ severity }) => severity === 'damage'))
        this.#metadata.markIncomplete()
    } catch (error) {
      this.#noteFailure(error, facts)
    }
    if (name === METADATA_DIRECTORY) this.#findings.push(...this.#metadata.findings)
    this.#advance({ partitionsDone: 1 })
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
      isCompacted: topic === CONSUMER_OFFSETS_TOPIC || configs.get('cleanup.policy')?.includes('compact') === true,
      indexIntervalBytes: Number(configs.get('index.interval.bytes') ?? DEFAULT_LOG_CONFIG.indexIntervalBytes),
      recoveryPoint: this.#directory.recoveryPoints.get(directoryName),
      highWatermark: this.#directory.highWatermarks.get(directoryName),
      logStartOffset: this.#directory.logStarts.get(directoryName),
    }
  }

  #find(topic: string, partition: number): CommittedPartition | undefined {
    const { image, isReadable } = this.#metadata
    const outcome = this.#outcomes.get(`${topic}-${partition}`)
    const { logStartOffset = 0, logEndOffset = 0 } = outcome ?? {}
    const found = image.topicByName(topic)
    if (found?.partitions.has(partition)) return { topicId: found.topicId, logStartOffset, logEndOffset }
    // Without the metadata the directories are all there is to go by.
    return isReadable || outcome === undefined ? undefined : { topicId: null, logStartOffset, logEndOffset }
  }

  #offsetsPartitionCount(): number {
    return this.#metadata.image.topicByName(CONSUMER_OFFSETS_TOPIC)?.partitions.size ?? OFFSETS_TOPIC_PARTITIONS
  }

  #noteFailure(error: unknown, facts: PartitionFacts): void {
    if (error instanceof TidemarkError) throw error
    const errno = errnoOf(error)
    // Its topic was deleted since the directory was listed.
    if (errno === 'ENOENT') return
    if (errno === undefined) throw error
    const findings = new Findings(facts.topic, facts.partition, this.#findings)
    findings.add(facts.directoryName, {
      severity: 'damage',
      rule: 'unreadable',
      what: `The disk cannot be read: ${(error as Error).message}.`,
      whatToDo:
        'Check permissions, the disk and the system log; then verify again. The rest of this partition was not checked.',
    })
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

/** The metadata log first, then the commits, then what they point to. */
function rank(topic: string): number {
  return topic === CLUSTER_METADATA_TOPIC ? 0 : topic === CONSUMER_OFFSETS_TOPIC ? 1 : 2
}

function checkIsDataDirectory(environment: Environment, path: string): void {
  const { files } = environment
  const stat = files.stat(path)
  if (stat === undefined) throw new TidemarkError('NOT_A_DATA_DIRECTORY', `${path} does not exist.`)
  if (!stat.isDirectory) throw new TidemarkError('NOT_A_DATA_DIRECTORY', `${path} is not a directory.`)
  const names = files.list(path)
  if (names.includes(META_PROPERTIES) || names.some((name) => parsePartitionDirectory(name) !== undefined)) return
  throw new TidemarkError(
    'NOT_A_DATA_DIRECTORY',
    `${path} has no ${META_PROPERTIES} and no partitions, so it is no data directory. Name the directory that holds them.`,
  )
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
      if (errnoOf(error) !== 'ENOENT') throw error
    }
  }
  visitIfThere(path)
  return parts.join('\n')
}
