import { describe, expect, test } from 'vitest'
import type { PartitionLog } from '../../../sdk/log/partition-log.ts'
import { ReadOnlyLog } from '../../../sdk/log/read-only-log.ts'
import { readWholeFile } from '../../../sdk/log/whole-file.ts'
import { encodeBatch } from '../../../sdk/record/batch-builder.ts'
import { seededRandom } from '../../support/seeded-random.ts'
import { batchOf, createPlace, DISKS, openLog, type Place, readAll } from './support/log-bench.ts'

const INDEX = '00000000000000000000.index'
const TIME_INDEX = '00000000000000000000.timeindex'

interface Batch {
  readonly bytes: Buffer
  readonly lastOffset: number
  readonly maxTimestampMs: number
}

/** Batches of very different sizes, whose timestamps go up and down. */
function randomBatches(seed: number, count = 120): Batch[] {
  const random = seededRandom(seed)
  let offset = 0
  return Array.from({ length: count }, () => {
    const records = Array.from({ length: 1 + Math.floor(random() * 3) }, () => ({
      key: null,
      value: Buffer.alloc(Math.floor(random() * 900)),
      timestampMs: 1_700_000_000_000 + Math.floor(random() * 100_000),
    }))
    offset += records.length
    const maxTimestampMs = Math.max(...records.map((record) => record.timestampMs))
    return { bytes: encodeBatch(records), lastOffset: offset - 1, maxTimestampMs }
  })
}

/** Kafka's LogSegment.append, in Kafka's words: what the two files must hold after a close. */
function indexesOf(batches: readonly Batch[], intervalBytes: number): { offsets: Buffer; times: Buffer } {
  const offsets: [number, number][] = []
  const times: [number, number][] = []
  let bytesSinceLastIndexEntry = 0
  let physicalPosition = 0
  let max: [number, number] = [-1, 0]
  const maybeAppendTime = (): void => {
    if (max[0] > (times.at(-1)?.[0] ?? -1)) times.push(max)
  }
  for (const { bytes, lastOffset, maxTimestampMs } of batches) {
    if (maxTimestampMs > max[0]) max = [maxTimestampMs, lastOffset]
    if (bytesSinceLastIndexEntry > intervalBytes) {
      offsets.push([lastOffset, physicalPosition])
      maybeAppendTime()
      bytesSinceLastIndexEntry = 0
    }
    physicalPosition += bytes.length
    bytesSinceLastIndexEntry += bytes.length
  }
  maybeAppendTime()
  const offsetBytes = Buffer.alloc(offsets.length * 8)
  for (const [at, [offset, position]] of offsets.entries()) {
    offsetBytes.writeInt32BE(offset, at * 8)
    offsetBytes.writeInt32BE(position, at * 8 + 4)
  }
  const timeBytes = Buffer.alloc(times.length * 12)
  for (const [at, [timestampMs, offset]] of times.entries()) {
    timeBytes.writeBigInt64BE(BigInt(timestampMs), at * 12)
    timeBytes.writeInt32BE(offset, at * 12 + 8)
  }
  return { offsets: offsetBytes, times: timeBytes }
}

function read(place: Place, name: string): Buffer {
  return readWholeFile(place.environment.files, `${place.directory}/${name}`) ?? Buffer.alloc(0)
}

function write(place: Place, name: string, bytes: Buffer): void {
  const file = place.environment.files.open(`${place.directory}/${name}`, { write: true, create: true })
  file.truncate(0)
  file.write([bytes], 0)
  file.close()
}

function createClosedLog(place: Place, batches: readonly Batch[]): void {
  const log = openLog(place)
  for (const { bytes } of batches) log.append(Buffer.from(bytes), { leaderEpoch: 0 })
  log.close()
}

/** Everything a reader may ask for: every record, and every timestamp. */
function answers(log: Pick<PartitionLog, 'offsetForTimestamp' | 'maxTimestamp' | 'logEndOffset' | 'read'>) {
  const offsets = Array.from({ length: log.logEndOffset }, (_, offset) => {
    const bytes = log.read(offset, 1, { limit: 'logEndOffset' })
    return Number(bytes.readBigInt64BE(0))
  })
  const times = Array.from({ length: 20 }, (_, at) => log.offsetForTimestamp(1_700_000_000_000 + at * 5200))
  return { offsets, times, max: log.maxTimestamp() }
}

describe.each(DISKS)('on %s', (disk) => {
  test('entries are those Kafka writes, batch by batch, on append and again on recovery', () => {
    for (const [seed, intervalBytes] of [
      [1, 4096],
      [2, 0],
      [3, 1000],
      [4, 300],
    ] as const) {
      const place = createPlace(disk)
      const batches = randomBatches(seed)
      const config = { indexIntervalBytes: intervalBytes }
      const log = openLog(place, { config })
      for (const { bytes } of batches) log.append(Buffer.from(bytes), { leaderEpoch: 0 })
      log.close()
      const expected = indexesOf(batches, intervalBytes)
      expect(read(place, INDEX).equals(expected.offsets), `offsets, seed ${seed}`).toBe(true)
      expect(read(place, TIME_INDEX).equals(expected.times), `times, seed ${seed}`).toBe(true)
      place.environment.files.remove(`${place.directory}/${INDEX}`)
      const recovered = openLog(place, { config })
      recovered.close()
      expect(read(place, INDEX).equals(expected.offsets), `recovered offsets, seed ${seed}`).toBe(true)
      expect(read(place, TIME_INDEX).equals(expected.times), `recovered times, seed ${seed}`).toBe(true)
    }
  })

  test('closing and opening again leaves the spacing of entries as it is', () => {
    const place = createPlace(disk)
    const batches = randomBatches(5)
    for (let at = 0; at < batches.length; at += 7) {
      const log = openLog(place, { cleanShutdown: at > 0, recoveryPoint: (batches[at - 1]?.lastOffset ?? -1) + 1 })
      expect(log.recovery.rebuiltIndexes).toBe(0)
      for (const { bytes } of batches.slice(at, at + 7)) log.append(Buffer.from(bytes), { leaderEpoch: 0 })
      log.close()
    }
    expect(read(place, INDEX).equals(indexesOf(batches, 4096).offsets)).toBe(true)
  })

  test('index files that a broker gave their full size, with zeros, are read, and trimmed by the owner', () => {
    const place = createPlace(disk)
    const batches = randomBatches(6)
    createClosedLog(place, batches)
    const right = { offsets: read(place, INDEX), times: read(place, TIME_INDEX) }
    write(place, INDEX, Buffer.concat([right.offsets, Buffer.alloc(80_000 - right.offsets.length)]))
    write(place, TIME_INDEX, Buffer.concat([right.times, Buffer.alloc(120_000 - right.times.length)]))
    const { environment, directory } = place
    const follower = ReadOnlyLog.open(environment, { directory, topic: 'events', partition: 0 })
    expect(readAll(follower).records).toHaveLength(follower.logEndOffset)
    expect(read(place, INDEX)).toHaveLength(80_000)
    const log = openLog(place, { cleanShutdown: true, recoveryPoint: batches.at(-1)!.lastOffset + 1 })
    expect(log.recovery.rebuiltIndexes).toBe(0)
    log.append(batchOf('more'), { leaderEpoch: 0 })
    log.close()
    expect(read(place, INDEX).equals(right.offsets)).toBe(true)
    expect(read(place, TIME_INDEX).equals(right.times)).toBe(true)
  })
})

test('the first batch of a segment never has an entry, however large it is', () => {
  const place = createPlace('memory')
  const log = openLog(place)
  for (let n = 0; n < 3; n++) log.append(batchOf('x'.repeat(50_000)), { leaderEpoch: 0 })
  log.close()
  expect(read(place, INDEX).readInt32BE(0)).toBe(1)
  expect(read(place, INDEX)).toHaveLength(16)
})

test.each(['owner', 'follower'])(
  'whatever bit of an index file is flipped, the %s finds every record and every time',
  (who) => {
    const place = createPlace('memory')
    const batches = randomBatches(7, 30)
    createClosedLog(place, batches)
    const recoveryPoint = batches.at(-1)!.lastOffset + 1
    const open = () =>
      who === 'owner'
        ? openLog(place, { cleanShutdown: true, recoveryPoint })
        : ReadOnlyLog.open(place.environment, { directory: place.directory, topic: 'events', partition: 0 })
    const expected = answers(open())
    for (const name of [INDEX, TIME_INDEX]) {
      const right = read(place, name)
      for (let bit = 0; bit < right.length * 8; bit++) {
        const wrong = Buffer.from(right)
        wrong[bit >> 3] = wrong[bit >> 3]! ^ (1 << (bit & 7))
        write(place, name, wrong)
        expect(answers(open()), `bit ${bit} of ${name}`).toEqual(expected)
      }
      for (const wrong of [
        Buffer.alloc(0),
        right.subarray(0, right.length - 5),
        Buffer.from('garbage of some length'),
      ]) {
        write(place, name, wrong)
        expect(answers(open()), `${name} of ${wrong.length} bytes`).toEqual(expected)
      }
      place.environment.files.remove(`${place.directory}/${name}`)
      expect(answers(open()), `${name} missing`).toEqual(expected)
      write(place, name, right)
    }
  },
)

test('an index that is missing for a full segment is made again and stored, the same as it was', () => {
  const place = createPlace('memory')
  const config = { segmentBytes: 30_000 }
  const log = openLog(place, { config })
  for (const { bytes } of randomBatches(8)) log.append(Buffer.from(bytes), { leaderEpoch: 0 })
  log.close()
  const { logEndOffset } = log
  const right = { offsets: read(place, INDEX), times: read(place, TIME_INDEX) }
  place.environment.files.remove(`${place.directory}/${INDEX}`)
  const again = openLog(place, { config, recoveryPoint: logEndOffset })
  expect(again.recovery.rebuiltIndexes).toBe(1)
  expect(read(place, INDEX).equals(right.offsets)).toBe(true)
  expect(read(place, TIME_INDEX).equals(right.times)).toBe(true)
})
