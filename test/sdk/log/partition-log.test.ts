import { describe, expect, test } from 'vitest'
import type { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { DamagedLogError } from '../../../sdk/log/log-view.ts'
import { append, batchOf, createPlace, DISKS, openLog, readAll, recordsOf, valuesOf } from './support/log-bench.ts'

describe.each(DISKS)('on %s', (disk) => {
  test('batches get consecutive offsets and the epoch, and are read back', () => {
    const log = openLog(createPlace(disk))
    expect(log.append(batchOf('a', 'b'), { leaderEpoch: 3 })).toEqual({ baseOffset: 0, lastOffset: 1 })
    expect(log.append(Buffer.concat([batchOf('c'), batchOf('d', 'e')]), { leaderEpoch: 3 })).toEqual({
      baseOffset: 2,
      lastOffset: 4,
    })
    const bytes = log.read(0, 1_000_000, { limit: 'logEndOffset' })
    expect(recordsOf(bytes).map(({ offset, value }) => `${offset}${value}`)).toEqual(['0a', '1b', '2c', '3d', '4e'])
    expect(bytes.readInt32BE(12)).toBe(3)
    expect(log.latestEpoch).toBe(3)
    log.close()
  })

  test('a read begins with the batch that holds the offset and brings at least that one, whole', () => {
    const log = openLog(createPlace(disk))
    for (const value of ['a', 'b', 'c', 'd']) append(log, value, value.toUpperCase())
    expect(recordsOf(log.read(3, 1, { limit: 'logEndOffset' })).map((record) => record.offset)).toEqual([2, 3])
    const two = batchOf('a', 'A').length * 2
    expect(recordsOf(log.read(2, two, { limit: 'logEndOffset' })).map((record) => record.offset)).toEqual([2, 3, 4, 5])
    expect(log.read(8, 100, { limit: 'logEndOffset' })).toHaveLength(0)
    expect(() => log.read(9, 100, { limit: 'logEndOffset' })).toThrow(
      expect.objectContaining({ code: 'OFFSET_OUT_OF_RANGE' }),
    )
    log.close()
  })

  test('the high watermark follows the flush, and consumers see nothing above it', async () => {
    const log = openLog(createPlace(disk))
    const seen: number[] = []
    const stop = log.onHighWatermark(() => seen.push(log.highWatermark))
    append(log, 'a')
    append(log, 'b')
    expect(log.highWatermark).toBe(0)
    expect(log.read(0, 100, { limit: 'highWatermark' })).toHaveLength(0)
    await log.flush()
    expect([log.flushedOffset, log.highWatermark, ...seen]).toEqual([2, 2, 2])
    expect(recordsOf(log.read(0, 1000, { limit: 'highWatermark' }))).toHaveLength(2)
    append(log, 'c')
    expect(recordsOf(log.read(0, 1000, { limit: 'highWatermark' }))).toHaveLength(2)
    log.highWatermarkFollows = 'append'
    append(log, 'd')
    expect(log.highWatermark).toBe(4)
    stop()
    append(log, 'e')
    expect(seen).toEqual([2, 3, 4])
    log.close()
  })

  test('flushes share one sync, and those that come meanwhile share the next', async () => {
    const place = createPlace(disk)
    const log = openLog(place)
    append(log, 'a')
    const before = (place.environment as MemoryEnvironment).counts?.sync
    const first = log.flush()
    append(log, 'b')
    const later = Array.from({ length: 10 }, () => log.flush())
    await first
    expect(log.flushedOffset).toBe(1)
    await Promise.all(later)
    expect(log.flushedOffset).toBe(2)
    await log.flush()
    if (disk === 'memory') expect((place.environment as MemoryEnvironment).counts.sync - before).toBe(2)
    log.close()
  })

  test('a log that was closed in order is what it was', () => {
    const place = createPlace(disk)
    const log = openLog(place)
    for (let n = 0; n < 50; n++) append(log, `v${n}`, `w${n}`)
    log.advanceHighWatermark(100)
    log.advanceLogStart(11)
    log.close()
    const again = openLog(place, { cleanShutdown: true, logStartOffset: 11, recoveryPoint: 100 })
    expect(again.recovery).toMatchObject({
      tornBytes: 0,
      damaged: [],
      missing: undefined,
      rebuiltIndexes: 0,
      isLoss: false,
    })
    expect([again.logStartOffset, again.logEndOffset, again.highWatermark]).toEqual([11, 100, 100])
    expect(readAll(again).records).toHaveLength(89)
    expect(append(again, 'next')).toBe(100)
    again.close()
  })

  test('truncation drops the batch that holds the offset and everything behind it', async () => {
    const place = createPlace(disk)
    const log = openLog(place, { config: { segmentBytes: 400 } })
    for (let n = 0; n < 20; n++) append(log, `v${n}`, `w${n}`)
    await log.flush()
    expect(log.segments().length).toBeGreaterThan(3)
    log.truncateTo(7)
    expect([log.logEndOffset, log.highWatermark, log.flushedOffset]).toEqual([6, 6, 6])
    expect(append(log, 'new')).toBe(6)
    expect(valuesOf(log)).toEqual(['v0', 'w0', 'v1', 'w1', 'v2', 'w2', 'new'])
    log.close()
    const again = openLog(place)
    expect(valuesOf(again)).toEqual(['v0', 'w0', 'v1', 'w1', 'v2', 'w2', 'new'])
    again.close()
  })

  test('records below the log start cannot be read, and it cannot pass the high watermark', async () => {
    const log = openLog(createPlace(disk))
    for (let n = 0; n < 5; n++) append(log, `v${n}`)
    expect(() => log.advanceLogStart(3)).toThrow(expect.objectContaining({ code: 'OFFSET_OUT_OF_RANGE' }))
    await log.flush()
    log.advanceLogStart(3)
    expect(() => log.read(2, 100, { limit: 'logEndOffset' })).toThrow(/3 to 5/)
    expect(log.countRecords(0, 100)).toBe(2)
    log.close()
  })

  test('a log start above the end starts the log again there', () => {
    const place = createPlace(disk)
    const log = openLog(place)
    append(log, 'a', 'b')
    log.close()
    const again = openLog(place, { logStartOffset: 10 })
    expect([again.logStartOffset, again.logEndOffset, again.recovery.restartedAt]).toEqual([10, 10, 10])
    expect(append(again, 'c')).toBe(10)
    expect(again.segments().map((segment) => segment.baseOffset)).toEqual([10])
    again.close()
  })

  test('epochs: a line per epoch, the end of each, and none beyond the end of the log', async () => {
    const place = createPlace(disk)
    const log = openLog(place)
    log.append(batchOf('a', 'b'), { leaderEpoch: 1 })
    log.append(batchOf('c'), { leaderEpoch: 4 })
    await log.assignEpoch(6)
    expect(log.endOffsetForEpoch(0)).toEqual({ leaderEpoch: 0, endOffset: 0 })
    expect(log.endOffsetForEpoch(1)).toEqual({ leaderEpoch: 1, endOffset: 2 })
    expect(log.endOffsetForEpoch(3)).toEqual({ leaderEpoch: 1, endOffset: 2 })
    expect(log.endOffsetForEpoch(4)).toEqual({ leaderEpoch: 4, endOffset: 3 })
    expect(log.endOffsetForEpoch(6)).toEqual({ leaderEpoch: 6, endOffset: 3 })
    expect(log.endOffsetForEpoch(7)).toEqual({ leaderEpoch: -1, endOffset: -1 })
    expect(log.endOffsetForEpoch(-1)).toEqual({ leaderEpoch: -1, endOffset: -1 })
    log.close()
    const again = openLog(place)
    expect([again.latestEpoch, again.epochAt(1), again.epochAt(2)]).toEqual([4, 1, 4])
    again.close()
  })

  test('a closed log refuses, and closing twice is fine', async () => {
    const log = openLog(createPlace(disk))
    append(log, 'a')
    log.close()
    log.close()
    expect(() => append(log, 'b')).toThrow(expect.objectContaining({ code: 'CLOSED' }))
    await expect(log.flush()).rejects.toMatchObject({ code: 'CLOSED' })
  })

  test('without create a log that is not there is an error', () => {
    expect(() => openLog(createPlace(disk), { create: false })).toThrow(/There is no log in/)
  })

  test('limits: a batch above max.message.bytes or segment.bytes is refused and changes nothing', () => {
    const log = openLog(createPlace(disk), { config: { maxMessageBytes: 200, segmentBytes: 300 } })
    expect(() => append(log, 'x'.repeat(300))).toThrow(expect.objectContaining({ code: 'MESSAGE_TOO_LARGE' }))
    const three = Buffer.concat([1, 2, 3].map(() => batchOf('x'.repeat(60))))
    expect(() => log.append(three, { leaderEpoch: 0 })).toThrow(
      expect.objectContaining({ code: 'RECORD_LIST_TOO_LARGE' }),
    )
    expect(append(log, 'fine')).toBe(0)
    log.close()
  })

  test('two owners of one file: the second append is refused, and nothing is written by both', async () => {
    const place = createPlace(disk)
    const first = openLog(place)
    append(first, 'a')
    const second = openLog(place)
    append(second, 'b')
    expect(() => append(first, 'lost')).toThrow(expect.objectContaining({ code: 'OWNERSHIP_LOST' }))
    expect(() => append(first, 'still lost')).toThrow(expect.objectContaining({ code: 'OWNERSHIP_LOST' }))
    await expect(first.flush()).rejects.toMatchObject({ code: 'OWNERSHIP_LOST' })
    expect(first.failure?.code).toBe('OWNERSHIP_LOST')
    first.close()
    expect(append(second, 'c')).toBe(2)
    expect(valuesOf(second)).toEqual(['a', 'b', 'c'])
    second.close()
  })

  test('damage that a reader finds by its CRC is known from then on, with where to go on', () => {
    const place = createPlace(disk)
    const log = openLog(place)
    for (const value of ['a', 'b', 'c']) append(log, value)
    const size = batchOf('a').length
    const file = place.environment.files.open(`${place.directory}/00000000000000000000.log`, { write: true })
    file.write([Buffer.from([255])], size + 65)
    file.close()
    expect(log.read(0, 1000, { limit: 'logEndOffset' })).toHaveLength(3 * size)
    expect(log.findDamage(0)).toBeUndefined()
    expect(log.findDamage(1)).toMatchObject({ fromOffset: 1, toOffset: 2, position: size, endPosition: 2 * size })
    expect(log.read(0, 1000, { limit: 'logEndOffset' })).toHaveLength(size)
    const told = { code: 'CORRUPT_BATCH', offset: 1, nextReadableOffset: 2, topic: 'events', partition: 0 }
    expect(() => log.read(1, 1000, { limit: 'logEndOffset' })).toThrow(DamagedLogError)
    expect(() => log.read(1, 1000, { limit: 'logEndOffset' })).toThrow(expect.objectContaining(told))
    expect(recordsOf(log.read(2, 1000, { limit: 'logEndOffset' }))).toEqual([{ offset: 2, value: 'c' }])
    log.close()
  })
})
