import { expect } from 'vitest'
import type { CleaningOptions, CleaningResult } from '../../../../sdk/log/log-cleaner.ts'
import type { LogView } from '../../../../sdk/log/log-view.ts'
import type { PartitionLog } from '../../../../sdk/log/partition-log.ts'
import { encodeBatch, type RecordInput } from '../../../../sdk/record/batch-builder.ts'
import { type LogRecord, RecordBatch } from '../../../../sdk/record/record-batch.ts'
import type { OpenOptions } from './log-bench.ts'

export const NOW_MS = 1_700_000_000_000

export const COMPACTED: OpenOptions = {
  config: { segmentBytes: 600, indexIntervalBytes: 64, cleanupPolicy: new Set(['compact'] as const) },
}

/** `card=paid` is a value, `card` a tombstone. */
export function entry(text: string, timestampMs = NOW_MS): RecordInput {
  const [key, value] = text.split('=')
  return { key: Buffer.from(key!), value: value === undefined ? null : Buffer.from(value), timestampMs }
}

/** One batch. */
export function appendEntries(log: PartitionLog, ...texts: string[]): void {
  log.append(encodeBatch(texts.map((text) => entry(text))), { leaderEpoch: log.latestEpoch ?? 0 })
}

/** Compacts what can be, due or not. */
export async function compact(
  log: PartitionLog,
  cleanedOffset?: number,
  options: Partial<CleaningOptions> = {},
): Promise<CleaningResult> {
  await log.flush()
  const { firstDirtyOffset, endOffset } = log.cleanable(cleanedOffset, NOW_MS)
  return await log.compact({ firstDirtyOffset, endOffset, ...options })
}

export function batchesOf(log: LogView): RecordBatch[] {
  const batches: RecordBatch[] = []
  for (let offset = log.logStartOffset; offset < log.logEndOffset; ) {
    const read = log.read(offset, 1_000_000, { limit: 'logEndOffset' })
    if (read.length === 0) throw new Error(`nothing to read at ${offset}, below the end at ${log.logEndOffset}`)
    for (let at = 0; at < read.length; ) {
      const batch = new RecordBatch(read, at)
      batch.checkValid()
      batches.push(batch)
      offset = batch.nextOffset
      at += batch.sizeBytes
    }
  }
  return batches
}

/** Everything but control records. */
export function recordsIn(log: LogView): LogRecord[] {
  return batchesOf(log).flatMap((batch) => (batch.isControl ? [] : batch.records()))
}

/** `3:card=paid`: what is left, with its offset. */
export function entriesOf(log: LogView): string[] {
  return recordsIn(log).map(({ offset, key, value }) => `${offset}:${key}${value === null ? '' : `=${value}`}`)
}

/** What replaying the log makes of it: the oracle. A key whose newest record is a tombstone is not there. */
export function tableOf(log: LogView): Map<string, string> {
  const table = new Map<string, string>()
  for (const { key, value } of recordsIn(log)) {
    if (value === null) table.delete(String(key))
    else table.set(String(key), String(value))
  }
  return table
}

/** Offsets never change, nothing is invented, and each file's indexes are right. */
export function expectSubset(log: LogView, before: ReadonlyMap<number, string>, context: string): void {
  const records = recordsIn(log)
  const offsets = records.map((record) => record.offset)
  expect(offsets, `${context}: offsets rise`).toEqual([...new Set(offsets)].sort((one, other) => one - other))
  const strangers = records.filter((record) => fingerprint(record) !== before.get(record.offset))
  expect(strangers, `${context}: every record is what was appended`).toEqual([])
}

export function fingerprint({ key, value, timestampMs, headers }: LogRecord): string {
  const texts = headers.map((header) => `${header.key}=${header.value}`)
  return JSON.stringify([key && String(key), value && String(value), timestampMs, texts])
}
