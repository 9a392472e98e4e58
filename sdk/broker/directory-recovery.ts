import type { DataDirectory } from '../directory/data-directory.ts'
import type { Environment } from '../environment/environment.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import type { LogRecovery } from '../log/recovery.ts'
import type { LedPartitions } from './led-partitions.ts'
import type { MetadataLog } from './metadata-log.ts'
import type { RecoveryNote } from './recovery-note.ts'

/** Mends what a crash, or somebody with a shell, left in the partitions; notes it for every log, whenever that is opened. */
export class DirectoryRecovery {
  readonly #environment: Environment
  readonly #directory: DataDirectory
  readonly #metadata: MetadataLog
  readonly #notes: RecoveryNote[] = []

  constructor(environment: Environment, directory: DataDirectory, metadata: MetadataLog) {
    this.#environment = environment
    this.#directory = directory
    this.#metadata = metadata
    for (const log of directory.openLogs()) this.#note(log)
    directory.onOpened = (log) => this.#note(log)
  }

  /** Of the logs that were opened so far; logs are opened when they are needed, unless a crash left them. */
  get notes(): readonly RecoveryNote[] {
    return this.#notes
  }

  /** Partitions whose directories somebody removed get new ones, in which the lost offsets stay lost. */
  restoreVanished(partitions: Pick<LedPartitions, 'restore'>): void {
    for (const { topic, partition } of this.#directory.vanished()) {
      if (this.#metadata.partition(topic, partition) !== undefined) partitions.restore(topic, partition)
    }
  }

  /** After a crash, opens every log that nobody has looked at since. */
  recoverLogs(partitions: Pick<LedPartitions, 'find'>): void {
    for (const { topic, partition } of this.#directory.unrecovered()) partitions.find(topic, partition)
  }

  #note({ topic, partition, recovery }: PartitionLog): void {
    if (!recovery.isLoss && recovery.tornBytes === 0) return
    // One by one, since the report computes some of them.
    const { tornBytes, damaged, missing, mendedEpochs, rebuiltEpochs, rebuiltIndexes, restartedAt, isLoss } = recovery
    const report = { tornBytes, damaged, missing, mendedEpochs, rebuiltEpochs, rebuiltIndexes, restartedAt, isLoss }
    const message = `${topic}-${partition} ${describe(recovery)}.`
    this.#notes.push({ topic, partition, ...report, message })
    // A torn batch was promised to nobody; everything else somebody has to know of.
    if (isLoss) this.#environment.process.emitWarning(message, 'TIDEMARK_DATA_LOST')
  }
}

function describe({ tornBytes, damaged, missing, restartedAt }: LogRecovery): string {
  const others = damaged.filter((range) => range.fromOffset !== missing?.fromOffset)
  const found = others.map(({ fromOffset, toOffset, reason }) => {
    const range = toOffset > fromOffset ? `offsets ${fromOffset} to ${toOffset - 1}` : 'some bytes'
    return `is damaged: ${range} cannot be read (${reason})`
  })
  if (missing !== undefined) {
    const { fromOffset, toOffset } = missing
    found.push(
      `has lost offsets ${fromOffset} to ${toOffset - 1}, which had been flushed. Whoever reads there is told; new records get other offsets. Restore it from a copy if you have one`,
    )
  }
  if (restartedAt !== undefined) found.push(`ended before its log start: it begins again at offset ${restartedAt}`)
  if (tornBytes > 0) found.push(`ended in ${tornBytes} bytes that were never completely written: they were cut off`)
  return found.join('; it ')
}
