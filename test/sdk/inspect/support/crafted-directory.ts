import { MemoryEnvironment } from '../../../../sdk/environment/memory-environment.ts'
import { type Finding, verifyDirectory } from '../../../../sdk/inspect/verify.ts'
import { readWholeFile } from '../../../../sdk/log/whole-file.ts'
import { encodeCoordinatorBatch } from '../../../../sdk/offsets/coordinator-record.ts'
import { groupPartition } from '../../../../sdk/offsets/group-partition.ts'
import { offsetCommitRecord } from '../../../../sdk/offsets/offset-commit-record.ts'
import { encodeBatch } from '../../../../sdk/record/batch-builder.ts'
import { stampBatch } from '../../../../sdk/record/batch-stamp.ts'
import { crc32c } from '../../../../sdk/record/crc32c.ts'
import { RecordBatch } from '../../../../sdk/record/record-batch.ts'
import { bootstrapBatches } from '../../../../sdk/topic/bootstrap-records.ts'
import { OFFSETS_TOPIC_CONFIGS } from '../../../../sdk/topic/internal-topics.ts'
import { encodeMetadataBatch } from '../../../../sdk/topic/metadata-batch.ts'
import { createTopicRecords } from '../../../../sdk/topic/topic-records.ts'

const ROOT = '/data'
const HOME = { nodeId: 1, directoryId: 'SdkUZlp8RL-JFk6MdJsTlg' }
export const TOPIC_ID = 'y_oDLzgGSICjavLUCNOL_g'
const OFFSETS_ID = 'O-mB6Xw3QnGxkqKTgKq3Rw'
export const START_MS = 1_700_000_000_000
/** Kafka's default. */
const INDEX_INTERVAL_BYTES = 4096
export const GROUP = 'g'
export const OFFSETS_DIRECTORY = `__consumer_offsets-${groupPartition(GROUP)}`

/**
 * A data directory written byte by byte, by none of the code that writes directories in earnest: a topic `t` with one
 * partition in two segments, and a group `g` that has committed. Closed in order unless told otherwise.
 */
export interface CraftedDirectory {
  readonly environment: MemoryEnvironment
  readonly path: string
  /** Positions of the batches in each segment of `t-0`. */
  readonly batches: readonly (readonly PlacedBatch[])[]
  read(name: string): Buffer
  /** `null` removes the file. */
  write(name: string, bytes: Uint8Array | string | null): void
  /** Changes a file's bytes in place. */
  change(name: string, change: (bytes: Buffer) => Buffer): void
  verify(): Promise<Finding[]>
}

export interface PlacedBatch {
  readonly position: number
  readonly sizeBytes: number
  readonly baseOffset: number
  readonly nextOffset: number
}

export interface CraftOptions {
  /** No clean-shutdown marker, and the second segment not known to be flushed: as after a crash. */
  readonly isCrashed?: boolean
  readonly configs?: Readonly<Record<string, string>>
  readonly committedOffset?: number
}

export const FIRST = 't-0/00000000000000000000'
/** 12 batches of 3 records each are in the first segment, 8 in the second. */
export const SECOND = 't-0/00000000000000000036'
export const END_OFFSET = 60

export function createCraftedDirectory(options: CraftOptions = {}): CraftedDirectory {
  const environment = new MemoryEnvironment()
  const { files } = environment
  const write = (name: string, bytes: Uint8Array | string | null): void => {
    const path = files.join(ROOT, name)
    if (bytes === null) {
      files.remove(path)
      return
    }
    files.makeDirectory(files.join(path, '..'))
    const file = files.open(path, { write: true, create: true })
    file.truncate(0)
    file.write([Buffer.from(bytes)], 0)
    file.close()
  }
  const read = (name: string): Buffer => {
    const bytes = readWholeFile(files, files.join(ROOT, name))
    if (bytes === undefined) throw new Error(`no file ${name}`)
    return bytes
  }
  const isCrashed = options.isCrashed === true
  writeMetadata(write, options.configs ?? {})
  const first = writeSegment(write, FIRST, { baseOffset: 0, batchCount: 12, epoch: 0, isClosed: true })
  const second = writeSegment(write, SECOND, { baseOffset: 36, batchCount: 8, epoch: 1, isClosed: !isCrashed })
  write('t-0/leader-epoch-checkpoint', '0\n2\n0 0\n1 36\n')
  write('t-0/partition.metadata', `version: 0\ntopic_id: ${TOPIC_ID}`)
  write('t-0/00000000000000000036.snapshot', producerSnapshot([{ producerId: 7, lastOffset: 35 }]))
  writeCommit(write, options.committedOffset ?? 41)
  write('recovery-point-offset-checkpoint', `0\n1\nt 0 ${isCrashed ? 36 : END_OFFSET}\n`)
  write('replication-offset-checkpoint', `0\n1\nt 0 ${isCrashed ? 36 : END_OFFSET}\n`)
  write('log-start-offset-checkpoint', '0\n0\n')
  if (!isCrashed) write('.kafka_cleanshutdown', '{"version":0,"brokerEpoch":-1}')
  return {
    environment,
    path: ROOT,
    batches: [first, second],
    read,
    write,
    change: (name, change) => {
      const bytes = read(name)
      write(name, change(bytes))
    },
    verify: () => verifyDirectory(ROOT, { environment }),
  }
}

type Write = CraftedDirectory['write']

function writeMetadata(write: Write, configs: Readonly<Record<string, string>>): void {
  const [control, features] = bootstrapBatches(HOME, START_MS)
  const topic = createTopicRecords({ name: 't', topicId: TOPIC_ID, partitions: 1, configs }, HOME)
  const raised = topic.map((record) => (record.type === 'Partition' ? { ...record, leaderEpoch: 1 } : record))
  const offsets = { name: '__consumer_offsets', topicId: OFFSETS_ID, partitions: 50, configs: OFFSETS_TOPIC_CONFIGS }
  const batches = [control, features]
  for (const records of [raised, createTopicRecords(offsets, HOME)]) {
    const baseOffset = new RecordBatch(batches.at(-1)!).nextOffset
    batches.push(encodeMetadataBatch(records, START_MS, { baseOffset, partitionLeaderEpoch: 0 }))
  }
  write('__cluster_metadata-0/00000000000000000000.log', Buffer.concat(batches))
  write(
    'meta.properties',
    `version=1\nnode.id=1\ncluster.id=5L6g3nShT-eMCtK--X86sw\ndirectory.id=${HOME.directoryId}\n`,
  )
}

/** Batches of three records of some 500 bytes, and the indexes Kafka would have written beside them. */
function writeSegment(
  write: Write,
  name: string,
  segment: { baseOffset: number; batchCount: number; epoch: number; isClosed: boolean },
): PlacedBatch[] {
  const placed: PlacedBatch[] = []
  const bytes: Buffer[] = []
  const offsets: Buffer[] = []
  const times: Buffer[] = []
  let position = 0
  let sinceEntry = 0
  for (let index = 0; index < segment.batchCount; index++) {
    const baseOffset = segment.baseOffset + 3 * index
    const timestampMs = START_MS + 10 * baseOffset
    const batch = encodeBatch(
      [0, 1, 2].map((each) => ({
        key: Buffer.from(`key-${each}`),
        value: Buffer.alloc(500, `${baseOffset + each} `),
        timestampMs: timestampMs + each,
      })),
    )
    stampBatch(batch, { baseOffset, partitionLeaderEpoch: segment.epoch })
    if (sinceEntry > INDEX_INTERVAL_BYTES) {
      offsets.push(indexEntry(baseOffset + 2 - segment.baseOffset, position))
      times.push(timeEntry(timestampMs + 2, baseOffset + 2 - segment.baseOffset))
      sinceEntry = 0
    }
    sinceEntry += batch.length
    placed.push({ position, sizeBytes: batch.length, baseOffset, nextOffset: baseOffset + 3 })
    bytes.push(batch)
    position += batch.length
  }
  if (segment.isClosed) {
    const last = placed.at(-1)!.baseOffset
    times.push(timeEntry(START_MS + 10 * last + 2, last + 2 - segment.baseOffset))
  }
  write(`${name}.log`, Buffer.concat(bytes))
  write(`${name}.index`, Buffer.concat(offsets))
  write(`${name}.timeindex`, Buffer.concat(times))
  return placed
}

function writeCommit(write: Write, offset: number): void {
  const commit = { offset, leaderEpoch: 1, metadata: '', commitTimestampMs: START_MS, topicId: TOPIC_ID }
  const records = [offsetCommitRecord({ group: GROUP, topic: 't', partition: 0 }, commit)]
  const batch = encodeCoordinatorBatch(records, START_MS)
  stampBatch(batch, { baseOffset: 0, partitionLeaderEpoch: 0 })
  write(`${OFFSETS_DIRECTORY}/00000000000000000000.log`, batch)
  write(`${OFFSETS_DIRECTORY}/00000000000000000000.index`, '')
  write(`${OFFSETS_DIRECTORY}/00000000000000000000.timeindex`, timeEntry(START_MS, 0))
  write(`${OFFSETS_DIRECTORY}/leader-epoch-checkpoint`, '0\n1\n0 0\n')
  write(`${OFFSETS_DIRECTORY}/partition.metadata`, `version: 0\ntopic_id: ${OFFSETS_ID}`)
}

export function indexEntry(relativeOffset: number, position: number): Buffer {
  const entry = Buffer.alloc(8)
  entry.writeInt32BE(relativeOffset)
  entry.writeInt32BE(position, 4)
  return entry
}

export function timeEntry(timestampMs: number, relativeOffset: number): Buffer {
  const entry = Buffer.alloc(12)
  entry.writeBigInt64BE(BigInt(timestampMs))
  entry.writeInt32BE(relativeOffset, 8)
  return entry
}

function producerSnapshot(entries: readonly { producerId: number; lastOffset: number }[]): Buffer {
  const bytes = Buffer.alloc(10 + 46 * entries.length)
  bytes.writeInt16BE(1)
  bytes.writeInt32BE(entries.length, 6)
  for (const [index, { producerId, lastOffset }] of entries.entries()) {
    const at = 10 + 46 * index
    bytes.writeBigInt64BE(BigInt(producerId), at)
    bytes.writeBigInt64BE(BigInt(lastOffset), at + 14)
    bytes.writeBigInt64BE(BigInt(START_MS), at + 26)
    bytes.writeBigInt64BE(-1n, at + 38)
  }
  bytes.writeUInt32BE(crc32c(bytes.subarray(6)), 2)
  return bytes
}
