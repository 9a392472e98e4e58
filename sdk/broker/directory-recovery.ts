import type { DataDirectory } from '../directory/data-directory.ts'
import { CLUSTER_METADATA_TOPIC } from '../directory/partition-directory.ts'
import type { Environment } from '../environment/environment.ts'
import { TidemarkError } from '../errors.ts'
import type { LogRecovery } from '../log/recovery.ts'
import type { TopicPartition } from './broker.ts'
import type { FindLog } from './log-requests.ts'
import type { MetadataLog } from './metadata-log.ts'
import type { RecoveryNote } from './recovery-note.ts'

const NOTHING_MENDED: LogRecovery = {
  tornBytes: 0,
  damaged: [],
  missing: undefined,
  mendedEpochs: 0,
  rebuiltEpochs: false,
  rebuiltIndexes: 0,
  restartedAt: undefined,
  isLoss: false,
}

/** What the disk holds and what the metadata say, brought together when a directory is opened. */
export class DirectoryRecovery {
  readonly #environment: Environment
  readonly #directory: DataDirectory
  readonly #metadata: MetadataLog
  readonly #notes: RecoveryNote[] = []

  constructor(environment: Environment, directory: DataDirectory, metadata: MetadataLog) {
    this.#environment = environment
    this.#directory = directory
    this.#metadata = metadata
  }

  get notes(): readonly RecoveryNote[] {
    return this.#notes
  }

  /**
   * Refuses a directory with partitions that the metadata do not know and did not remove. A broker renames them to
   * `…-stray`. But a metadata log that lost its end, or an older copy of it, looks the same, and then those partitions are
   * the user's, with the memory of every group among them. Nothing is touched.
   *
   * @throws {TidemarkError} CORRUPT_BATCH.
   */
  refuseStrays(): void {
    const strays = this.#directory
      .existing()
      .filter((each) => each.topic !== CLUSTER_METADATA_TOPIC && !this.#isKnown(each))
      .map(({ topic, partition }) => `${topic}-${partition}`)
    if (strays.length === 0) return
    const shown = strays.slice(0, 3).join(', ') + (strays.length > 3 ? ` and ${strays.length - 3} more` : '')
    const message = `${this.#directory.path} holds partitions that its metadata log does not know: ${shown}. Either that log lost its end or is an older copy: restore ${CLUSTER_METADATA_TOPIC}-0. Or they do not belong here: move their directories away.`
    throw new TidemarkError('CORRUPT_BATCH', message)
  }

  /** Partitions whose directories somebody removed. */
  noteVanished(): void {
    for (const { topic, partition, offset } of this.#directory.vanished()) {
      if (this.#metadata.partition(topic, partition) === undefined) continue
      const report = { ...NOTHING_MENDED, missing: { fromOffset: 0, toOffset: offset }, isLoss: true }
      const what = `had records up to offset ${offset - 1}, but its directory is gone: it begins again at offset 0`
      this.#note({ topic, partition }, report, what)
    }
  }

  /** After a crash, opens every log that nobody has looked at since. */
  recoverLogs(find: FindLog): void {
    for (const { topic, partition } of this.#directory.unrecovered()) find(topic, partition)
    for (const { topic, partition, recovery } of this.#directory.openLogs()) {
      if (!recovery.isLoss && recovery.tornBytes === 0) continue
      // One by one, since the report computes some of them.
      const { tornBytes, damaged, missing, mendedEpochs, rebuiltEpochs, rebuiltIndexes, restartedAt, isLoss } = recovery
      const report = { tornBytes, damaged, missing, mendedEpochs, rebuiltEpochs, rebuiltIndexes, restartedAt, isLoss }
      this.#note({ topic, partition }, report, describe(recovery))
    }
  }

  #isKnown({ topic, partition, topicId }: ReturnType<DataDirectory['existing']>[number]): boolean {
    const known = this.#metadata.partition(topic, partition)
    return known !== undefined && (topicId === undefined || topicId === known.topicId)
  }

  #note({ topic, partition }: TopicPartition, report: LogRecovery, what: string): void {
    const message = `${topic}-${partition} ${what}.`
    this.#notes.push({ topic, partition, ...report, message })
    // A torn batch was promised to nobody; everything else somebody has to know of.
    if (report.isLoss) {
      this.#environment.process.emitWarning(message, 'TIDEMARK_DATA_LOST')
    }
  }
}

function describe({ tornBytes, damaged, missing, restartedAt }: LogRecovery): string {
  const found = damaged.map(({ fromOffset, toOffset, reason }) => {
    const range = toOffset > fromOffset ? `offsets ${fromOffset} to ${toOffset - 1}` : 'some bytes'
    return `is damaged: ${range} cannot be read (${reason})`
  })
  if (missing !== undefined) {
    found.push(`has lost offsets ${missing.fromOffset} to ${missing.toOffset - 1}, which had been flushed`)
  }
  if (restartedAt !== undefined) found.push(`ended before its log start: it begins again at offset ${restartedAt}`)
  if (tornBytes > 0) found.push(`ended in ${tornBytes} bytes that were never completely written: they were cut off`)
  return found.join('; it ')
}
