import { CLUSTER_METADATA_TOPIC } from '../directory/partition-directory.ts'
import { TidemarkError } from '../errors.ts'
import { parseSegmentFileName } from '../log/segment-name.ts'
import type { LogRecord, RecordBatch } from '../record/record-batch.ts'
import { parseSnapshotName } from '../topic/metadata-snapshot.ts'
import { CONSUMER_OFFSETS_TOPIC, TRANSACTION_STATE_TOPIC } from '../topic/topic-name.ts'
import { walkBatches } from './batch-walk.ts'
import { controlMeaning } from './control-meaning.ts'
import { coordinatorMeaning } from './coordinator-meaning.ts'
import { checkNotAborted, type DescribedFile, ofPartition } from './described-file.ts'
import { type BatchRow, type FileRow, problemRow, type RecordMeaning } from './file-row.ts'
import { MetadataMeaning } from './metadata-meaning.ts'
import { topicNamesBeside } from './topic-names-beside.ts'
import { transactionMeaning } from './transaction-meaning.ts'

/** Bytes between two turns of the event loop. */
const BYTES_PER_TURN = 4 * 1024 * 1024

type MeaningOf = (record: LogRecord) => RecordMeaning | null

/** The batches of a `.log` or of a metadata snapshot, with their records where they are asked for. */
export async function* logRows(described: DescribedFile): AsyncGenerator<FileRow, void> {
  const { environment, path } = described
  const meaningOf = meaningsOf(described)
  const withRecords = described.records ?? meaningOf !== null
  const file = environment.files.open(path, { write: false })
  try {
    const sizeBytes = file.sizeBytes()
    yield { row: 'file', kind: described.kind, sizeBytes, about: aboutLog(described) }
    let sinceTurn = 0
    for (const step of walkBatches(file, { sizeBytes, toOffset: Number.POSITIVE_INFINITY })) {
      const end = step.kind === 'batch' ? step.position + step.batch.sizeBytes : step.endPosition
      if (step.kind === 'batch') {
        yield batchRow(step.batch, step.position)
        if (withRecords) yield* recordRows(step.batch, step.position, meaningOf)
      } else yield unreadableRow(step)
      sinceTurn += end - step.position
      if (sinceTurn < BYTES_PER_TURN) continue
      sinceTurn = 0
      await environment.timers.yield()
      checkNotAborted(described)
    }
  } finally {
    file.close()
  }
}

function batchRow(batch: RecordBatch, position: number): BatchRow {
  return {
    row: 'batch',
    position,
    sizeBytes: batch.sizeBytes,
    baseOffset: batch.baseOffset,
    lastOffset: batch.lastOffset,
    recordCount: batch.recordCount,
    leaderEpoch: batch.partitionLeaderEpoch,
    codec: batch.codec,
    timestampType: batch.timestampType,
    maxTimestampMs: batch.maxTimestampMs,
    producerId: batch.producerId,
    producerEpoch: batch.producerEpoch,
    baseSequence: batch.baseSequence,
    isTransactional: batch.isTransactional,
    isControl: batch.isControl,
    deleteHorizonMs: batch.deleteHorizonMs,
    crc: batch.crc,
  }
}

function* recordRows(batch: RecordBatch, position: number, meaningOf: MeaningOf | null): Generator<FileRow> {
  const readMeaning = batch.isControl ? (record: LogRecord) => controlMeaning(record, batch.producerId) : meaningOf
  let records: readonly LogRecord[]
  try {
    records = batch.records()
  } catch (error) {
    if (!(error instanceof TidemarkError)) throw error
    yield problemRow(`The records cannot be decoded: ${error.message}`, position)
    return
  }
  for (const record of records) {
    const { offset, timestampMs, key, value, headers } = record
    const { meaning, problem } = understood(record, readMeaning)
    // Copies, since what they are views of is used again for the next batch.
    const copied = {
      key: copy(key),
      value: copy(value),
      headers: headers.map((each) => ({ ...each, value: copy(each.value) })),
    }
    yield { row: 'record', position, offset, timestampMs, ...copied, meaning }
    if (problem !== null) yield problemRow(`The record at offset ${offset} is not understood: ${problem}`, position)
  }
}

function understood(
  record: LogRecord,
  readMeaning: MeaningOf | null,
): { meaning: RecordMeaning | null; problem: string | null } {
  try {
    return { meaning: readMeaning?.(record) ?? null, problem: null }
  } catch (error) {
    if (!(error instanceof TidemarkError)) throw error
    return { meaning: null, problem: error.message }
  }
}

function unreadableRow(step: { kind: string; position: number; endPosition: number; reason: string }): FileRow {
  const count = step.endPosition - step.position
  const bytes = count === 1 ? '1 byte' : `${count} bytes`
  const what = {
    zeros: `The last ${bytes} are zeros: allocated, and never written.`,
    torn: `The last ${bytes} are the beginning of a batch (${step.reason}): a write that was cut short.`,
  }[step.kind]
  return problemRow(what ?? `${bytes} cannot be read: ${step.reason}.`, step.position)
}

/** What records mean in Kafka's own logs; null in others. */
function meaningsOf(described: DescribedFile): MeaningOf | null {
  const { kind, topic, environment, folder } = described
  const names = topicNamesBeside(environment.files, folder)
  if (kind === 'metadata-snapshot' || topic === CLUSTER_METADATA_TOPIC) {
    const metadata = new MetadataMeaning(names)
    return (record) => metadata.of(record)
  }
  if (topic === TRANSACTION_STATE_TOPIC) return transactionMeaning
  return topic === CONSUMER_OFFSETS_TOPIC ? (record) => coordinatorMeaning(record, names) : null
}

function aboutLog(described: DescribedFile): string {
  const { kind, name } = described
  if (kind === 'metadata-snapshot') {
    const snapshot = parseSnapshotName(name)
    return snapshot === undefined ? 'metadata to begin with' : `metadata snapshot before offset ${snapshot.endOffset}`
  }
  const base = parseSegmentFileName(name)?.baseOffset
  return `log segment${ofPartition(described)}${base === undefined ? '' : `, from offset ${base} on`}`
}

function copy(bytes: Buffer | null): Uint8Array | null {
  return bytes === null ? null : Buffer.from(bytes)
}
