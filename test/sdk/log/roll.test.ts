import { describe, expect, test } from 'vitest'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import type { PartitionLog } from '../../../sdk/log/partition-log.ts'
import { encodeBatch } from '../../../sdk/record/batch-builder.ts'
import { batchOf, batchOfBytes, createPlace, DISKS, openLog, readAll } from './support/log-bench.ts'

function put(log: PartitionLog, batch: Buffer): void {
  log.append(batch, { leaderEpoch: 0 })
}

function bases(log: PartitionLog): number[] {
  return log.segments().map((segment) => segment.baseOffset)
}

describe.each(DISKS)('on %s', (disk) => {
  test('by size: a segment may reach segment.bytes, not exceed it', () => {
    const log = openLog(createPlace(disk), { config: { segmentBytes: 1000 } })
    put(log, batchOfBytes(600))
    put(log, batchOfBytes(400))
    expect(bases(log)).toEqual([0])
    put(log, batchOfBytes(100))
    expect(bases(log)).toEqual([0, 2])
    put(log, batchOfBytes(901))
    expect(bases(log)).toEqual([0, 2, 3])
    expect(readAll(log).records).toHaveLength(4)
    log.close()
  })

  test('the new segment is named after the first offset that goes into it, and so is the producer snapshot', () => {
    const place = createPlace(disk)
    const log = openLog(place, { config: { segmentBytes: 300 } })
    put(log, batchOf('a', 'b', 'c'))
    put(log, batchOf('x'.repeat(200)))
    log.close()
    const names = place.environment.files.list(place.directory).sort()
    expect(names).toEqual([
      '00000000000000000000.index',
      '00000000000000000000.log',
      '00000000000000000000.timeindex',
      '00000000000000000003.index',
      '00000000000000000003.log',
      '00000000000000000003.snapshot',
      '00000000000000000003.timeindex',
      '00000000000000000004.snapshot',
      'leader-epoch-checkpoint',
    ])
  })

  test('a flush covers a full segment and the one behind it', async () => {
    const log = openLog(createPlace(disk), { config: { segmentBytes: 200 } })
    for (let n = 0; n < 10; n++) put(log, batchOfBytes(150))
    await log.flush()
    expect([log.flushedOffset, log.highWatermark, bases(log).length]).toEqual([10, 10, 10])
    log.close()
  })
})

test('by time: a batch more than segment.ms younger than the first one of the segment', () => {
  const log = openLog(createPlace('memory'), { config: { segmentMs: 1000 } })
  put(log, batchOf('a@5000', 'b@5500'))
  put(log, batchOf('c@6500'))
  put(log, batchOf('old@1'))
  expect(bases(log)).toEqual([0])
  put(log, batchOf('d@6501'))
  expect(bases(log)).toEqual([0, 4])
  put(log, batchOf('e@7501'))
  expect(bases(log)).toEqual([0, 4])
  log.close()
})

test('by time after opening again, too', () => {
  const place = createPlace('memory')
  const log = openLog(place, { config: { segmentMs: 1000 } })
  put(log, batchOf('a@5000'))
  put(log, batchOf('b@5900'))
  log.close()
  const again = openLog(place, { config: { segmentMs: 1000 }, cleanShutdown: true, recoveryPoint: 2 })
  put(again, batchOf('c@6001'))
  expect(bases(again)).toEqual([0, 2])
})

test('by the clock where batches have no timestamps', () => {
  const environment = new MemoryEnvironment({ clock: 'manual' })
  const log = openLog({ environment, directory: '/events-0' }, { config: { segmentMs: 1000 } })
  put(log, batchOf('a@-1'))
  environment.advance(1000)
  put(log, batchOf('b@-1'))
  expect(bases(log)).toEqual([0])
  environment.advance(1)
  put(log, batchOf('c@-1'))
  expect(bases(log)).toEqual([0, 2])
})

test('when an index is full: the offset index at its last slot, the time index one before', () => {
  // 7 offset entries fit in 60 bytes, and 5 time entries, of which the last is kept for the end.
  const rising = openLog(createPlace('memory'), { config: { segmentIndexBytes: 60, indexIntervalBytes: 0 } })
  for (let n = 0; n < 12; n++) put(rising, batchOf(`v@${n}`))
  // The first batch has no entry, so four entries are there after five batches.
  expect(bases(rising)).toEqual([0, 5, 10])
  const equal = openLog(createPlace('memory'), { config: { segmentIndexBytes: 60, indexIntervalBytes: 0 } })
  for (let n = 0; n < 20; n++) put(equal, batchOf('v@7'))
  expect(bases(equal)).toEqual([0, 8, 16])
})

test('when an offset would not fit an index entry', () => {
  const log = openLog(createPlace('memory'))
  const wide = encodeBatch([{ key: null, value: Buffer.from('wide') }], { lastOffsetDelta: 0x7fff_fff0 })
  put(log, wide)
  put(log, batchOf('fits'))
  expect(bases(log)).toEqual([0])
  put(log, Buffer.concat(Array.from({ length: 16 }, () => batchOf('no more'))))
  expect(bases(log)).toEqual([0, 0x7fff_fff2])
  expect(
    readAll(log)
      .records.map((record) => record.offset)
      .slice(0, 3),
  ).toEqual([0, 0x7fff_fff1, 0x7fff_fff2])
  log.close()
})

test('a roll that fails leaves the log as it was, and is tried again', () => {
  for (const operation of ['open', 'write', 'stat'] as const) {
    const place = createPlace('memory')
    const environment = place.environment as MemoryEnvironment
    const log = openLog(place, { config: { segmentBytes: 300 } })
    put(log, batchOfBytes(200))
    environment.failNext(operation, { error: 'EIO' })
    expect(() => put(log, batchOfBytes(200)), operation).toThrow(expect.objectContaining({ code: 'STORAGE_ERROR' }))
    expect(bases(log)).toEqual([0])
    put(log, batchOfBytes(90))
    put(log, batchOfBytes(200))
    expect(bases(log)).toEqual([0, 2])
    expect(readAll(log).records).toHaveLength(3)
    log.close()
  }
})

test('a segment file that another process made in the way means that the directory is lost', () => {
  const place = createPlace('memory')
  const log = openLog(place, { config: { segmentBytes: 300 } })
  put(log, batchOfBytes(200))
  place.environment.files.open(`${place.directory}/00000000000000000001.log`, { write: true, create: true }).close()
  expect(() => put(log, batchOfBytes(200))).toThrow(expect.objectContaining({ code: 'OWNERSHIP_LOST' }))
  expect(log.failure?.code).toBe('OWNERSHIP_LOST')
})
