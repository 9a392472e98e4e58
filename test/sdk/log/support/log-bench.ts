import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { Environment } from '../../../../sdk/environment/environment.ts'
import { MemoryEnvironment, type MemoryOptions } from '../../../../sdk/environment/memory-environment.ts'
import { nodeEnvironment } from '../../../../sdk/environment/node-environment.ts'
import { DEFAULT_LOG_CONFIG, type LogConfig } from '../../../../sdk/log/log-config.ts'
import { DamagedLogError, type LogView } from '../../../../sdk/log/log-view.ts'
import { PartitionLog } from '../../../../sdk/log/partition-log.ts'
import type { PartitionLogOptions } from '../../../../sdk/log/partition-log-options.ts'
import { encodeBatch } from '../../../../sdk/record/batch-builder.ts'
import { RecordBatch } from '../../../../sdk/record/record-batch.ts'

export const DISKS = ['memory', 'disk'] as const

export interface Place {
  readonly environment: Environment
  readonly directory: string
}

export const MEMORY_DIRECTORY = '/data/events-0'

/** A machine in memory whose data directory is there for good. */
export function createMachine(options: MemoryOptions = {}): MemoryEnvironment {
  const environment = new MemoryEnvironment(options)
  environment.files.makeDirectory('/data')
  environment.files.syncDirectory('/')
  return environment
}

/** A directory for one log, in memory or on the disk, which is removed afterwards. */
export function createPlace(disk: (typeof DISKS)[number]): Place {
  if (disk === 'memory') return { environment: createMachine(), directory: MEMORY_DIRECTORY }
  const root = mkdtempSync(join(tmpdir(), 'tidemark-log-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  return { environment: nodeEnvironment(), directory: join(root, 'events-0') }
}

export type OpenOptions = Partial<Omit<PartitionLogOptions, 'config'>> & { readonly config?: Partial<LogConfig> }

/** Opens the log of a place as after a crash, unless told otherwise. */
export function openLog(place: Place, options: OpenOptions = {}): PartitionLog {
  return PartitionLog.open(place.environment, {
    directory: place.directory,
    topic: 'events',
    partition: 0,
    cleanShutdown: false,
    create: true,
    ...options,
    config: { ...DEFAULT_LOG_CONFIG, retentionMs: -1, ...options.config },
  })
}

export interface TestRecord {
  readonly offset: number
  readonly value: string
}

/** A batch with these values; `value@timestamp` sets its time. */
export function batchOf(...values: string[]): Buffer {
  return encodeBatch(
    values.map((value) => {
      const [text, timestampMs] = value.split('@')
      return { key: null, value: Buffer.from(text!), timestampMs: Number(timestampMs ?? 1000) }
    }),
  )
}

/** A batch of one record of exactly `sizeBytes`. */
export function batchOfBytes(sizeBytes: number, timestampMs = 1000): Buffer {
  const record = (bytes: number) => encodeBatch([{ key: null, value: Buffer.alloc(bytes, 7), timestampMs }])
  let bytes = Math.max(0, sizeBytes - 70)
  while (record(bytes).length < sizeBytes) bytes++
  const batch = record(bytes)
  if (batch.length !== sizeBytes) throw new Error(`no batch has exactly ${sizeBytes} bytes`)
  return batch
}

export function append(log: PartitionLog, ...values: string[]): number {
  return log.append(batchOf(...values), { leaderEpoch: log.latestEpoch ?? 0 }).baseOffset
}

/** The records of whole batches, which must be valid. */
export function recordsOf(bytes: Buffer): TestRecord[] {
  const records: TestRecord[] = []
  for (let at = 0; at < bytes.length; ) {
    const batch = new RecordBatch(bytes, at)
    batch.checkValid()
    for (const record of batch.records()) records.push({ offset: record.offset, value: String(record.value) })
    at += batch.sizeBytes
  }
  return records
}

/** Everything that can be read, damage passed over; `lost` are the offsets that damage took. */
export function readAll(log: LogView, from = log.logStartOffset): { records: TestRecord[]; lost: number[] } {
  const records: TestRecord[] = []
  const lost: number[] = []
  let offset = from
  while (offset < log.logEndOffset) {
    const read = readBatch(log, offset)
    if (typeof read === 'number') {
      for (; offset < read; offset++) lost.push(offset)
    } else if (read.length === 0) {
      throw new Error(`nothing to read at ${offset}, below the end at ${log.logEndOffset}`)
    } else {
      records.push(...recordsOf(read).filter((record) => record.offset >= offset))
      offset = new RecordBatch(read).nextOffset
    }
  }
  return { records, lost }
}

/** One batch; where damage is in the way, the offset behind it. */
function readBatch(log: LogView, offset: number): Buffer | number {
  try {
    return log.findDamage(offset)?.toOffset ?? log.read(offset, 1, { limit: 'logEndOffset' })
  } catch (error) {
    if (error instanceof DamagedLogError) return error.nextReadableOffset
    throw error
  }
}

export function valuesOf(log: LogView): string[] {
  return readAll(log).records.map((record) => record.value)
}
