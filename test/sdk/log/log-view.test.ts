import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import type { LogConfig } from '../../../sdk/log/log-config.ts'
import type { PartitionLog } from '../../../sdk/log/partition-log.ts'
import { encodeBatch } from '../../../sdk/record/batch-builder.ts'
import { RecordBatch } from '../../../sdk/record/record-batch.ts'
import { append, batchOf, createPlace, openLog, readAll, recordsOf } from './support/log-bench.ts'

/** A COMMIT or ABORT marker as a transaction coordinator writes it. */
function marker(commit: boolean, options: { producerId: number; producerEpoch: number; timestampMs?: number }): Buffer {
  const key = Buffer.from([0, 0, 0, commit ? 1 : 0])
  const value = Buffer.from([0, 0, 0, 0, 0, 7])
  const { timestampMs = 1000, ...producer } = options
  return encodeBatch([{ key, value, timestampMs }], { ...producer, isControl: true, isTransactional: true })
}

function put(log: PartitionLog, ...batches: Buffer[]): void {
  for (const batch of batches) log.append(batch, { leaderEpoch: 0 })
}

test('records are counted as they are: no control records, no compacted ones, parts of batches exactly', () => {
  const log = openLog(createPlace('memory'), { config: { segmentBytes: 500 } })
  put(log, batchOf('0', '1', '2'), marker(true, { producerId: 1, producerEpoch: 0 }))
  const gaps = [0, 2, 5, 9].map((offsetDelta) => ({ key: null, value: Buffer.from('g'), offsetDelta }))
  put(log, encodeBatch(gaps, { lastOffsetDelta: 11 }), batchOf('16'))
  put(log, encodeBatch([], { lastOffsetDelta: 3 }))
  for (let n = 0; n < 20; n++) put(log, batchOf('x'.repeat(100)))
  const there = new Set([0, 1, 2, 4, 6, 9, 13, 16, ...Array.from({ length: 20 }, (_, at) => 21 + at)])
  expect(log.segments().length).toBeGreaterThan(4)
  for (const name of ['as appended', 'counted before'] as const) {
    for (let from = 0; from <= 41; from++) {
      for (let to = 0; to <= 45; to++) {
        const expected = [...there].filter((offset) => offset >= from && offset < to).length
        if (log.countRecords(from, to) !== expected)
          expect([name, from, to, log.countRecords(from, to)]).toEqual(expected)
      }
    }
  }
})

test('counting a large segment walks its headers once', () => {
  const place = createPlace('memory')
  const log = openLog(place)
  for (let n = 0; n < 80; n++) put(log, batchOf(...Array.from({ length: 100 }, () => 'x'.repeat(1000))))
  const { counts } = place.environment as MemoryEnvironment
  expect(log.countRecords(50, 7950)).toBe(7900)
  const first = (place.environment as MemoryEnvironment).counts.read - counts.read
  expect(log.countRecords(70, 7930)).toBe(7860)
  expect(log.countRecords(7000, 8000)).toBe(1000)
  expect((place.environment as MemoryEnvironment).counts.read - counts.read - first).toBeLessThan(first)
  put(log, batchOf('more'))
  expect(log.countRecords(0, 9000)).toBe(8001)
})

test('the first record that is not older than a timestamp, also where timestamps go back', async () => {
  const log = openLog(createPlace('memory'), { config: { segmentBytes: 250, indexIntervalBytes: 0 } })
  const times = [50, 40, 60, 60, 55, 90, 10, 80, 100, 95]
  for (const [at, timestampMs] of times.entries()) append(log, `${at}@${timestampMs}`)
  const found = (timestampMs: number) => log.offsetForTimestamp(timestampMs)?.offset
  expect(found(0), 'nothing is flushed yet').toBeUndefined()
  await log.flush()
  for (let timestampMs = 0; timestampMs <= 100; timestampMs++) {
    const at = times.findIndex((time) => time >= timestampMs)
    expect(log.offsetForTimestamp(timestampMs)).toEqual({ offset: at, timestampMs: times[at], leaderEpoch: 0 })
  }
  expect(found(101)).toBeUndefined()
  expect(log.maxTimestamp()).toEqual({ offset: 8, timestampMs: 100, leaderEpoch: 0 })
  log.advanceLogStart(9)
  expect([found(0), log.maxTimestamp()?.offset]).toEqual([9, 9])
})

test('inside a batch, too, and where the log sets the time', async () => {
  const log = openLog(createPlace('memory'))
  append(log, 'a@10', 'b@30', 'c@20')
  log.append(batchOf('d@1', 'e@2'), { leaderEpoch: 2, logAppendTimeMs: 500 })
  await log.flush()
  expect(log.offsetForTimestamp(11)).toEqual({ offset: 1, timestampMs: 30, leaderEpoch: 0 })
  expect(log.offsetForTimestamp(31)).toEqual({ offset: 3, timestampMs: 500, leaderEpoch: 2 })
  expect(log.maxTimestamp()).toEqual({ offset: 3, timestampMs: 500, leaderEpoch: 2 })
  const batch = new RecordBatch(log.read(3, 1, { limit: 'logEndOffset' }))
  expect([batch.timestampType, batch.isValid()]).toEqual(['LogAppendTime', true])
})

test('an empty log has no time', () => {
  const log = openLog(createPlace('memory'))
  expect([log.offsetForTimestamp(0), log.maxTimestamp()]).toEqual([undefined, undefined])
})

test('a log of many segments holds few descriptors', () => {
  const place = createPlace('disk')
  const log = openLog(place, { config: { segmentBytes: 200 } })
  for (let n = 0; n < 60; n++) append(log, 'x'.repeat(80))
  log.close()
  const again = openLog(place, { cleanShutdown: true, recoveryPoint: 60, config: { segmentBytes: 200 } })
  const before = readdirSync('/proc/self/fd').length
  expect(readAll(again).records).toHaveLength(60)
  expect(again.countRecords(0, 60)).toBe(60)
  expect(readdirSync('/proc/self/fd').length - before).toBeLessThanOrEqual(8)
  again.close()
})

test('a reader that goes on where it ended costs one call of the disk, whatever the index says', () => {
  const place = createPlace('memory')
  const log = openLog(place)
  for (let n = 0; n < 100; n++) append(log, 'x'.repeat(1000))
  const { counts } = place.environment as MemoryEnvironment
  let offset = 0
  let reads = 0
  while (offset < log.logEndOffset) {
    const records = recordsOf(log.read(offset, 3300, { limit: 'logEndOffset' }))
    offset = records.at(-1)!.offset + 1
    reads++
  }
  expect((place.environment as MemoryEnvironment).counts.read - counts.read).toBe(reads)
})

test('aborted transactions come from the index a broker wrote', () => {
  const place = createPlace('memory')
  const log = openLog(place)
  for (let n = 0; n < 10; n++) append(log, `${n}`)
  const entry = (producerId: number, firstOffset: number, lastOffset: number, lastStableOffset: number): Buffer => {
    const bytes = Buffer.alloc(34)
    for (const [at, value] of [producerId, firstOffset, lastOffset, lastStableOffset].entries()) {
      bytes.writeBigInt64BE(BigInt(value), 2 + at * 8)
    }
    return bytes
  }
  const file = place.environment.files.open(`${place.directory}/00000000000000000000.txnindex`, {
    write: true,
    create: true,
  })
  file.write([entry(5, 1, 3, 1), entry(6, 2, 6, 4), entry(7, 8, 20, 8), Buffer.from('cut')], 0)
  expect(log.abortedTransactions(0, 2)).toMatchObject([{ producerId: 5, firstOffset: 1, lastOffset: 3 }])
  expect(log.abortedTransactions(4, 10).map((aborted) => aborted.producerId)).toEqual([6, 7])
  log.close()
  const again = openLog(place)
  expect(file.sizeBytes(), 'the marker at 20 is not in the log').toBe(2 * 34)
  expect(again.abortedTransactions(0, 10)).toHaveLength(2)
})

test('batches are located without being read: what a read returns, as far as the index goes and never beyond the end asked for', () => {
  const place = createPlace('memory')
  const log = openLog(place, { config: { segmentBytes: 3_000, indexIntervalBytes: 200 } })
  for (let n = 0; n < 60; n++)
    put(log, batchOf(...Array.from({ length: 1 + (n % 3) }, () => 'x'.repeat((n * 37) % 90))))
  const read = (offset: number) => log.read(offset, 500, { limit: 'logEndOffset' })
  let found = 0
  for (let endOffset = 1; endOffset <= log.logEndOffset; endOffset += 3) {
    for (const maxBytes of [1, 300, 1_000, 10_000]) {
      for (let offset = 0; offset < log.logEndOffset; offset++) {
        const located = log.locate(offset, { minBytes: 1, maxBytes, endOffset })
        if (located === undefined) continue
        found++
        const { segment, position, sizeBytes, nextOffset } = located
        const name = place.environment.files.join(place.directory, `${segment}`.padStart(20, '0').concat('.log'))
        const bytes = Buffer.alloc(sizeBytes)
        const file = place.environment.files.open(name, { write: false })
        expect([file.read(bytes, position), file.inode()]).toEqual([sizeBytes, located.inode])
        file.close()
        const offsets = recordsOf(bytes).map((record) => record.offset)
        const expected = Array.from({ length: nextOffset - offset }, (_, at) => offset + at)
        if (offsets.join() !== expected.join()) expect(offsets).toEqual(expected)
        if (sizeBytes > maxBytes || nextOffset > endOffset) expect({ maxBytes, endOffset }).toEqual(located)
      }
    }
    // Readers, which leave behind where they were.
    read(new RecordBatch(read(endOffset - 1)).baseOffset)
  }
  expect(found).toBeGreaterThan(500)
})

test('nothing is located before the start of the log, from where nobody read up to, nor where offsets may be missing', () => {
  const ALL = { minBytes: 1, maxBytes: 10_000, endOffset: 10 }
  const open = (config: Partial<LogConfig> = {}) => {
    const place = createPlace('memory')
    const log = openLog(place, { config: { indexIntervalBytes: 0, ...config } })
    for (let n = 0; n < 10; n++) put(log, batchOf('x'))
    log.advanceHighWatermark(10)
    return { place, log }
  }
  expect(open({ cleanupPolicy: new Set(['compact']) }).log.locate(0, ALL)).toBeUndefined()
  const { log, place } = open()
  const nextOffsets = (...offsets: number[]) => offsets.map((offset) => log.locate(offset, ALL)?.nextOffset)
  expect(log.locate(0, { ...ALL, endOffset: 5 })).toMatchObject({
    segment: 0,
    position: 0,
    baseOffset: 0,
    nextOffset: 5,
  })
  expect(log.locate(0, { ...ALL, minBytes: 5_000 })).toBeUndefined()
  expect(nextOffsets(-1, 0, 3, 5, 10)).toEqual([undefined, 10, undefined, 10, undefined])
  const file = place.environment.files.open(`${place.directory}/00000000000000000000.log`, { write: true })
  const sizeBytes = file.sizeBytes() / 10
  file.write([Buffer.of(0xff)], 7 * sizeBytes + 65)
  expect(nextOffsets(0)).toEqual([10])
  expect(log.findDamage(7)).toMatchObject({ fromOffset: 7, toOffset: 8 })
  expect(nextOffsets(0, 5)).toEqual([undefined, undefined])
  log.read(8, sizeBytes, { limit: 'logEndOffset' })
  expect(nextOffsets(9)).toEqual([10])
  log.advanceLogStart(9)
  expect(nextOffsets(0, 9)).toEqual([undefined, 10])
})
