import { describe, expect, test } from 'vitest'
import type { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { ReadOnlyLog } from '../../../sdk/log/read-only-log.ts'
import { encodeBatch } from '../../../sdk/record/batch-builder.ts'
import { append, batchOf, createPlace, DISKS, openLog, type Place, readAll, valuesOf } from './support/log-bench.ts'

function follow(place: Place, logStartOffset = 0): ReadOnlyLog {
  const { environment, directory } = place
  return ReadOnlyLog.open(environment, { directory, topic: 'events', partition: 0, logStartOffset })
}

const LOG = '00000000000000000000.log'

function addBytes(place: Place, name: string, bytes: Buffer): void {
  const file = place.environment.files.open(`${place.directory}/${name}`, { write: true, create: true })
  file.write([bytes], file.sizeBytes())
  file.close()
}

describe.each(DISKS)('on %s', (disk) => {
  test('a follower sees what is appended, rolled, deleted and cut, after the next refresh', async () => {
    const place = createPlace(disk)
    const follower = follow(place)
    expect([follower.logEndOffset, follower.segments().length, follower.refresh()]).toEqual([0, 0, false])
    const log = openLog(place, { config: { segmentBytes: 300, fileDeleteDelayMs: 0 } })
    append(log, 'a')
    expect([follower.refresh(), follower.refresh()]).toEqual([true, false])
    for (let n = 0; n < 20; n++) append(log, `v${n}`, 'x'.repeat(40))
    expect(follower.logEndOffset).toBe(1)
    expect(follower.refresh()).toBe(true)
    expect(readAll(follower)).toEqual(readAll(log))
    expect(follower.segments().map((segment) => segment.baseOffset)).toEqual(
      log.segments().map((segment) => segment.baseOffset),
    )
    expect(follower.countRecords(3, 30)).toBe(27)
    await log.flush()
    log.advanceLogStart(20)
    log.applyRetention(0)
    log.close()
    expect(follower.refresh()).toBe(true)
    expect(follower.logStartOffset).toBe(log.segments()[0]!.baseOffset)
    follower.advance({ logStartOffset: 20, flushedOffset: undefined })
    expect(follower.logStartOffset).toBe(20)
    const again = openLog(place, { logStartOffset: 20, cleanShutdown: true, recoveryPoint: 41 })
    again.truncateTo(30)
    append(again, 'instead', 'of', 'the', 'others')
    expect(follower.refresh()).toBe(true)
    expect(readAll(follower)).toEqual(readAll(again))
    expect(follower.latestEpoch).toBe(0)
    again.close()
    follower.close()
  })

  test('a torn tail is not shown until it is whole', () => {
    const place = createPlace(disk)
    const log = openLog(place)
    append(log, 'a')
    log.close()
    const batch = encodeBatch([{ key: null, value: Buffer.from('b') }], { baseOffset: 1, partitionLeaderEpoch: 0 })
    const follower = follow(place)
    for (const cut of [5, 40, batch.length - 1]) {
      const file = place.environment.files.open(`${place.directory}/${LOG}`, { write: true })
      file.write([batch.subarray(0, cut)], batchOf('a').length)
      file.close()
      follower.refresh()
      expect([follower.logEndOffset, ...valuesOf(follower)]).toEqual([1, 'a'])
    }
    addBytes(place, LOG, batch.subarray(-1))
    expect(follower.refresh()).toBe(true)
    expect(valuesOf(follower)).toEqual(['a', 'b'])
  })

  test('files that vanish while they are read are looked for again', () => {
    const place = createPlace(disk)
    const log = openLog(place, { config: { segmentBytes: 200 } })
    for (let n = 0; n < 5; n++) append(log, 'x'.repeat(100))
    log.close()
    const follower = follow(place)
    for (const suffix of ['log', 'index', 'timeindex']) {
      place.environment.files.remove(`${place.directory}/00000000000000000000.${suffix}`)
    }
    expect(() => follower.read(0, 100, { limit: 'highWatermark' })).toThrow(
      expect.objectContaining({ code: 'OFFSET_OUT_OF_RANGE' }),
    )
    expect(follower.logStartOffset).toBe(1)
    place.environment.files.removeDirectory(place.directory)
    expect(follower.refresh()).toBe(true)
    expect(follower.segments()).toEqual([])
  })
})

test('following changes nothing on disk', () => {
  const place = createPlace('memory')
  const log = openLog(place, { config: { segmentBytes: 400 } })
  for (let n = 0; n < 20; n++) append(log, `v${n}@${n}`)
  const environment = (place.environment as MemoryEnvironment).crash({ keepUnsynced: 5, reorder: true })
  const changing = ['write', 'truncate', 'rename', 'remove', 'sync', 'syncDirectory', 'makeDirectory'] as const
  const follower = follow({ ...place, environment })
  follower.refresh()
  readAll(follower)
  follower.countRecords(0, 100)
  follower.offsetForTimestamp(5)
  expect([follower.lastStableOffset, follower.endOffsetForEpoch(0).endOffset]).toEqual([
    follower.logEndOffset,
    follower.logEndOffset,
  ])
  expect(changing.map((operation) => environment.counts[operation])).toEqual(changing.map(() => 0))
})

test('damage in the middle is passed over, as the owner would', () => {
  const place = createPlace('memory')
  const log = openLog(place)
  for (const value of ['a', 'b', 'c']) append(log, value)
  log.close()
  const file = place.environment.files.open(`${place.directory}/${LOG}`, { write: true })
  file.write([Buffer.from([0xff])], batchOf('a').length + 64)
  const follower = follow(place)
  expect(follower.logEndOffset).toBe(3)
  expect(readAll(follower)).toMatchObject({ lost: [1], records: [{ value: 'a' }, { value: 'c' }] })
  expect(follower.damagedRanges).toMatchObject([{ fromOffset: 1, toOffset: 2 }])
})

test('a damaged epoch checkpoint leaves the epochs unknown', () => {
  const place = createPlace('memory')
  const log = openLog(place)
  append(log, 'a')
  log.close()
  addBytes(place, 'leader-epoch-checkpoint', Buffer.from('junk'))
  const follower = follow(place)
  expect([follower.latestEpoch, follower.endOffsetForEpoch(0).endOffset]).toEqual([undefined, -1])
  expect(valuesOf(follower)).toEqual(['a'])
})

test('records of an open transaction lie above the last stable offset, for the owner and for a follower', () => {
  const place = createPlace('memory')
  const log = openLog(place, { highWatermarkFollows: 'append' })
  const follower = follow(place)
  const producer = { producerId: 9, producerEpoch: 0, isTransactional: true }
  append(log, 'plain')
  expect(log.lastStableOffset).toBe(1)
  log.append(encodeBatch([{ key: null, value: Buffer.from('t') }], { ...producer, baseSequence: 0 }), {
    leaderEpoch: 0,
  })
  append(log, 'behind it')
  follower.refresh()
  expect([log.lastStableOffset, follower.lastStableOffset, log.highWatermark]).toEqual([1, 1, 3])
  const key = Buffer.from([0, 0, 0, 1])
  const value = Buffer.from([0, 0, 0, 0, 0, 0])
  log.append(encodeBatch([{ key, value }], { ...producer, isControl: true }), { leaderEpoch: 0 })
  follower.refresh()
  expect([log.lastStableOffset, follower.lastStableOffset]).toEqual([4, 4])
})
