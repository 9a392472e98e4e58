import { expect, test } from 'vitest'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { DamagedLogError, type LogView } from '../../../sdk/log/log-view.ts'
import { ReadOnlyLog } from '../../../sdk/log/read-only-log.ts'
import { readWholeFile } from '../../../sdk/log/whole-file.ts'
import { encodeBatch } from '../../../sdk/record/batch-builder.ts'
import {
  append,
  batchOf,
  createPlace,
  DISKS,
  type OpenOptions,
  openLog,
  type Place,
  readAll,
  valuesOf,
} from './support/log-bench.ts'

const LOG = '00000000000000000000.log'
const VALUES = ['a', 'b', 'c', 'd', 'e']
const READ_ONLY = { topic: 'events', partition: 0, isCompacted: false }

function readError(log: LogView, offset: number): unknown {
  try {
    return log.read(offset, 100, { limit: 'logEndOffset' })
  } catch (error) {
    return error
  }
}

/** A place whose first segment has exactly these bytes, and nothing else. */
function placeWith(bytes: Buffer, others: Record<string, Buffer | string> = {}): Place {
  const environment = new MemoryEnvironment()
  const directory = '/data/events-0'
  environment.files.makeDirectory(directory)
  for (const [name, content] of Object.entries({ [LOG]: bytes, ...others })) {
    const file = environment.files.open(`${directory}/${name}`, { write: true, create: true })
    file.write([Buffer.from(content)], 0)
    file.close()
  }
  return { environment, directory }
}

function fileBytes(place: Place, name: string): Buffer {
  return readWholeFile(place.environment.files, `${place.directory}/${name}`) ?? Buffer.alloc(0)
}

/** The bytes of a log with one batch per value, epoch 0. */
function logBytes(values: readonly string[] = VALUES): Buffer {
  const place = createPlace('memory')
  const log = openLog(place)
  for (const value of values) append(log, value)
  log.close()
  return fileBytes(place, LOG)
}

const EPOCHS = { 'leader-epoch-checkpoint': '0\n1\n0 0\n' }

test('a log cut at any length keeps every whole batch, and says how many bytes it cut', () => {
  const whole = logBytes()
  const size = whole.length / VALUES.length
  for (let length = 0; length <= whole.length; length++) {
    const place = placeWith(whole.subarray(0, length), EPOCHS)
    const log = openLog(place)
    const kept = Math.floor(length / size)
    expect(valuesOf(log), `length ${length}`).toEqual(VALUES.slice(0, kept))
    expect(log.recovery).toMatchObject({ tornBytes: length - kept * size, damaged: [], missing: undefined })
    expect(append(log, 'next')).toBe(kept)
    expect(valuesOf(log)).toEqual([...VALUES.slice(0, kept), 'next'])
    log.close()
  }
})

test.each([true, false])(
  'what was flushed and is not there any more is told, now and in every later opening, and its offsets stay taken (clean: %s)',
  (cleanShutdown) => {
    const place = placeWith(logBytes().subarray(0, 150), EPOCHS)
    const log = openLog(place, { recoveryPoint: 4, cleanShutdown })
    expect(log.recovery).toMatchObject({ missing: { fromOffset: 2, toOffset: 4 }, isLoss: true })
    expect([log.logEndOffset, log.flushedOffset]).toEqual([4, 4])
    expect(log.segments().map((segment) => segment.baseOffset)).toEqual([0, 4])
    const missing = { code: 'CORRUPT_BATCH', range: { fromOffset: 2, toOffset: 4 }, nextReadableOffset: 4 }
    expect(readError(log, 2)).toMatchObject(missing)
    expect(append(log, 'new')).toBe(4)
    log.close()
    const again = openLog(place, { recoveryPoint: 5, cleanShutdown })
    const follower = ReadOnlyLog.open(place.environment, { ...READ_ONLY, directory: place.directory })
    for (const view of [again, follower]) {
      for (const offset of [2, 3]) expect(readError(view, offset)).toMatchObject(missing)
      expect(readAll(view)).toMatchObject({ records: [{ value: 'a' }, { value: 'b' }, { offset: 4 }], lost: [2, 3] })
    }
  },
)

test('an empty log whose records had been flushed goes on behind them, and says which they were', () => {
  const place = createPlace('memory')
  const log = openLog(place, { recoveryPoint: 5, cleanShutdown: true })
  expect(log.recovery).toMatchObject({ missing: { fromOffset: 0, toOffset: 5 }, isLoss: true })
  expect(append(log, 'new')).toBe(5)
  log.close()
  const again = openLog(place, { recoveryPoint: 6, cleanShutdown: true })
  expect(readAll(again)).toEqual({ records: [{ offset: 5, value: 'new' }], lost: [0, 1, 2, 3, 4] })
})

test('a compacted log keeps the offsets of lost records, too, and has gaps by right', () => {
  const place = placeWith(logBytes().subarray(0, 150), EPOCHS)
  const options: OpenOptions = { cleanShutdown: true, config: { cleanupPolicy: new Set(['compact']) } }
  const log = openLog(place, { ...options, recoveryPoint: 4 })
  expect(log.recovery).toMatchObject({ missing: { fromOffset: 2, toOffset: 4 }, damaged: [] })
  expect(append(log, 'new')).toBe(4)
  log.close()
  expect(readAll(openLog(place, { ...options, recoveryPoint: 5 }))).toEqual({
    records: [
      { offset: 0, value: 'a' },
      { offset: 1, value: 'b' },
      { offset: 4, value: 'new' },
    ],
    lost: [],
  })
})

test('a first segment that somebody removed after an orderly stop is told by the leader epochs, which begin where the log did', () => {
  const place = createPlace('memory')
  const options: OpenOptions = { cleanShutdown: true, config: { segmentBytes: 2 * batchOf('a').length } }
  const log = openLog(place, options)
  for (const value of VALUES) append(log, value)
  log.close()
  place.environment.files.remove(`${place.directory}/${LOG}`)
  for (let opening = 0; opening < 2; opening++) {
    const again = openLog(place, { ...options, recoveryPoint: 5 })
    if (opening === 0) expect(again.recovery).toMatchObject({ missing: { fromOffset: 0, toOffset: 2 }, isLoss: true })
    expect(readAll(again)).toMatchObject({ lost: [0, 1], records: [{ value: 'c' }, { value: 'd' }, { value: 'e' }] })
    again.close()
  }
})

test('segments that retention removed are no loss', () => {
  const place = createPlace('memory')
  const options: OpenOptions = {
    cleanShutdown: true,
    config: { segmentBytes: 2 * batchOf('a').length, retentionBytes: 1 },
  }
  const log = openLog(place, options)
  for (const value of VALUES) append(log, value)
  log.advanceHighWatermark(5)
  expect(log.applyRetention(0).length).toBeGreaterThan(0)
  const { logStartOffset } = log
  log.close()
  const again = openLog(place, { ...options, recoveryPoint: 5 })
  expect(again.recovery).toMatchObject({ missing: undefined, damaged: [], isLoss: false })
  expect(again.logStartOffset).toBe(logStartOffset)
})

test('zeros behind the last batch are a torn tail', () => {
  const whole = logBytes()
  for (const zeros of [1, 11, 12, 60, 61, 100, 5000]) {
    const log = openLog(placeWith(Buffer.concat([whole, Buffer.alloc(zeros)]), EPOCHS), { recoveryPoint: 5 })
    expect(log.recovery).toMatchObject({ tornBytes: zeros, damaged: [], missing: undefined })
    expect(valuesOf(log)).toEqual(VALUES)
  }
})

test('every single flipped bit is noticed: cut as a torn tail, reported as damage or mended; all other batches can be read', () => {
  const whole = logBytes()
  const size = whole.length / VALUES.length
  for (let bit = 0; bit < whole.length * 8; bit++) {
    const bytes = Buffer.from(whole)
    bytes[bit >> 3] = bytes[bit >> 3]! ^ (1 << (bit & 7))
    const hit = Math.floor((bit >> 3) / size)
    const log = openLog(placeWith(bytes, EPOCHS))
    const { records, lost } = readAll(log)
    const context = `bit ${bit & 7} of byte ${(bit >> 3) % size} of batch ${hit}`
    const isEpoch = Math.floor(((bit >> 3) % size) / 4) === 3
    const { mendedEpochs, damaged, tornBytes } = log.recovery
    expect({ mendedEpochs, damaged: damaged.length, tornBytes }, context).toEqual({
      mendedEpochs: isEpoch ? 1 : 0,
      damaged: !isEpoch && hit < VALUES.length - 1 ? 1 : 0,
      tornBytes: !isEpoch && hit === VALUES.length - 1 ? size : 0,
    })
    const expected = VALUES.map((value, offset) => ({ offset, value }))
    if (!isEpoch) expected.splice(hit, 1)
    expect(records, context).toEqual(expected)
    expect(lost, context).toEqual(isEpoch || hit === VALUES.length - 1 ? [] : [hit])
    expect(append(log, 'next'), context).toBe(!isEpoch && hit === VALUES.length - 1 ? hit : VALUES.length)
    if (damaged.length > 0) expect(log.segments(), context).toHaveLength(2)
    log.close()
  }
})

test('a flipped bit in a flushed last batch is damage, not a torn tail: the bytes stay', () => {
  const whole = logBytes()
  const size = whole.length / VALUES.length
  for (let byte = 4 * size; byte < whole.length; byte++) {
    if (Math.floor((byte % size) / 4) === 3) continue
    const bytes = Buffer.from(whole)
    bytes[byte] = bytes[byte]! ^ 1
    const place = placeWith(bytes, EPOCHS)
    const log = openLog(place, { recoveryPoint: 5, cleanShutdown: true })
    expect(log.recovery.damaged, `byte ${byte}`).toMatchObject([{ fromOffset: 4, toOffset: 5, position: 4 * size }])
    expect(fileBytes(place, LOG).equals(bytes)).toBe(true)
    expect(append(log, 'next')).toBe(5)
    expect(log.segments().map((segment) => segment.baseOffset)).toEqual([0, 5])
    expect(readAll(log)).toMatchObject({ lost: [4], records: [{}, {}, {}, {}, { offset: 5, value: 'next' }] })
    expect(() => log.read(4, 100, { limit: 'logEndOffset' })).toThrow(DamagedLogError)
    log.close()
    const again = openLog(place, { recoveryPoint: 6, cleanShutdown: true })
    expect(readAll(again)).toMatchObject({ lost: [4], records: [{}, {}, {}, {}, { offset: 5, value: 'next' }] })
    again.close()
  }
})

test('garbage between two batches loses no offset', () => {
  const whole = logBytes()
  const at = (whole.length / 5) * 2
  const bytes = Buffer.concat([whole.subarray(0, at), Buffer.from('not a batch'), whole.subarray(at)])
  const log = openLog(placeWith(bytes, EPOCHS))
  expect(log.recovery.damaged).toMatchObject([{ fromOffset: 2, toOffset: 2, position: at, endPosition: at + 11 }])
  expect(readAll(log)).toEqual({ records: VALUES.map((value, offset) => ({ offset, value })), lost: [] })
  expect(log.read(0, 10_000, { limit: 'logEndOffset' })).toHaveLength(at)
})

test('two damaged ranges with a good batch between them', () => {
  const whole = logBytes()
  const size = whole.length / 5
  const bytes = Buffer.from(whole)
  bytes[size + 65] = 0
  bytes[3 * size + 3] = 9
  const log = openLog(placeWith(bytes, EPOCHS))
  expect(readAll(log)).toMatchObject({ records: [{ value: 'a' }, { value: 'c' }, { value: 'e' }], lost: [1, 3] })
  expect(log.countRecords(0, 5)).toBeGreaterThanOrEqual(3)
})

test('a torn batch whose value contains whole batches of another log brings none of them in', () => {
  const foreign = openLog(createPlace('memory'))
  for (let n = 0; n < 40; n++) append(foreign, `foreign ${n}`)
  const value = foreign.read(0, 100_000, { limit: 'logEndOffset' })
  const place = createPlace('memory')
  const log = openLog(place)
  append(log, 'mine')
  log.append(encodeBatch([{ key: null, value, timestampMs: 1 }]), { leaderEpoch: 0 })
  log.close()
  const bytes = fileBytes(place, LOG)
  const size = batchOf('mine').length
  for (let length = size + 1; length < bytes.length; length += 17) {
    const torn = openLog(placeWith(bytes.subarray(0, length), EPOCHS))
    expect(valuesOf(torn), `length ${length}`).toEqual(['mine'])
    expect(torn.recovery).toMatchObject({ tornBytes: length - size, damaged: [] })
  }
})

test('damage in a large batch whose value contains batches is passed at its declared end', () => {
  const foreign = openLog(createPlace('memory'))
  for (let n = 0; n < 40; n++) append(foreign, `foreign ${n}`)
  const value = foreign.read(0, 100_000, { limit: 'logEndOffset' })
  const place = createPlace('memory')
  const log = openLog(place)
  append(log, 'mine')
  log.append(encodeBatch([{ key: null, value, timestampMs: 1 }]), { leaderEpoch: 0 })
  append(log, 'mine too')
  log.close()
  const bytes = fileBytes(place, LOG)
  bytes[batchOf('mine').length + 40] = bytes[batchOf('mine').length + 40]! ^ 1
  const damaged = openLog(placeWith(bytes, EPOCHS))
  expect(readAll(damaged)).toMatchObject({ records: [{ value: 'mine' }, { value: 'mine too' }], lost: [1] })
})

test('a missing or damaged epoch checkpoint is made again from the batches', () => {
  const place = createPlace('memory')
  const log = openLog(place)
  log.append(batchOf('a'), { leaderEpoch: 2 })
  log.append(batchOf('b'), { leaderEpoch: 5 })
  log.close()
  const bytes = fileBytes(place, LOG)
  for (const others of [{}, { 'leader-epoch-checkpoint': '0\n2\n2 0\n' }, { 'leader-epoch-checkpoint': 'junk' }]) {
    const lost = placeWith(bytes, others)
    const again = openLog(lost, { cleanShutdown: true })
    expect(again.recovery.rebuiltEpochs).toBe(true)
    expect(fileBytes(lost, 'leader-epoch-checkpoint').toString()).toBe('0\n2\n2 0\n5 1\n')
    again.close()
  }
})

test('an epoch that two batches have is added to the checkpoint, as Kafka does; one that only one has is a lost bit', () => {
  const bytes = logBytes()
  const size = bytes.length / 5
  bytes.writeInt32BE(7, 3 * size + 12)
  bytes.writeInt32BE(7, 4 * size + 12)
  const place = placeWith(bytes, EPOCHS)
  const log = openLog(place)
  expect([log.recovery.mendedEpochs, log.epochAt(2), log.epochAt(3)]).toEqual([0, 0, 7])
  bytes.writeInt32BE(0, 4 * size + 12)
  const mended = placeWith(bytes, EPOCHS)
  expect(openLog(mended).recovery.mendedEpochs).toBe(1)
  expect(fileBytes(mended, LOG).readInt32BE(3 * size + 12)).toBe(0)
})

test.each(DISKS)(
  'recovery over several segments, on %s: a bad middle, a lost end of a segment, a torn tail',
  (disk) => {
    const place = createPlace(disk)
    const options: OpenOptions = { config: { segmentBytes: 400 } }
    const log = openLog(place, options)
    for (let n = 0; n < 20; n++) append(log, `value ${n}`)
    log.close()
    const bases = log.segments().map((segment) => segment.baseOffset)
    expect(bases.length).toBeGreaterThan(3)
    const open = (base: number) =>
      place.environment.files.open(`${place.directory}/${String(base).padStart(20, '0')}.log`, { write: true })
    const first = open(bases[0]!)
    first.write([Buffer.from([99])], 100)
    first.close()
    const second = open(bases[1]!)
    second.truncate(second.sizeBytes() - 10)
    second.close()
    const last = open(bases.at(-1)!)
    last.write([Buffer.from('torn')], last.sizeBytes())
    last.close()
    const again = openLog(place, options)
    const lostSecond = bases[2]! - 1
    expect(again.recovery).toMatchObject({
      tornBytes: 4,
      damaged: [{ fromOffset: 1 }, { fromOffset: lostSecond, toOffset: bases[2]! }],
    })
    expect(readAll(again).lost).toEqual([1, lostSecond])
    expect(readAll(again).records).toHaveLength(18)
    again.close()
  },
)

test('below the recovery point only headers are looked at, so a flipped bit in a record is for the reader to find', () => {
  const bytes = logBytes()
  bytes[bytes.length / 5 + 65] = 0
  const log = openLog(placeWith(bytes, EPOCHS), { recoveryPoint: 5 })
  expect(log.recovery.damaged).toEqual([])
  expect(readAll(log).lost).toEqual([1])
})

test('gaps are fine where compaction made them, and told elsewhere; the batches around them are handed out', () => {
  const batches = [
    encodeBatch([{ key: null, value: Buffer.from('a'), offsetDelta: 3 }], { baseOffset: 0, partitionLeaderEpoch: 0 }),
    encodeBatch([{ key: null, value: Buffer.from('b') }], { baseOffset: 10, partitionLeaderEpoch: 0 }),
    encodeBatch([{ key: null, value: Buffer.from('c') }], { baseOffset: 12, partitionLeaderEpoch: 0 }),
  ]
  const tail = encodeBatch([{ key: null, value: Buffer.from('d') }], { baseOffset: 20, partitionLeaderEpoch: 0 })
  for (const policy of ['compact', 'delete'] as const) {
    const place = placeWith(Buffer.concat(batches), { ...EPOCHS, '00000000000000000020.log': tail })
    const log = openLog(place, { config: { cleanupPolicy: new Set([policy]) } })
    const { records, lost } = readAll(log)
    expect(records.map((record) => record.value)).toEqual(['a', 'b', 'c', 'd'])
    expect(lost).toEqual(policy === 'compact' ? [] : [4, 5, 6, 7, 8, 9, 11, 13, 14, 15, 16, 17, 18, 19])
    expect(log.countRecords(0, 100)).toBe(4)
    expect(log.countRecords(0, 3)).toBe(0)
    expect(log.countRecords(3, 4)).toBe(1)
  }
})

test('index entries above the recovery point are not trusted: what is behind it is checked, whatever they say', () => {
  const place = createPlace('memory')
  const options: OpenOptions = { config: { indexIntervalBytes: 0 } }
  const log = openLog(place, options)
  for (let n = 0; n < 10; n++) append(log, `v${n}`)
  log.close()
  const file = place.environment.files.open(`${place.directory}/${LOG}`, { write: true })
  file.write([Buffer.from([0xff])], 5 * batchOf('v5').length + 65)
  file.close()
  const again = openLog(place, { ...options, recoveryPoint: 2 })
  expect(again.recovery.damaged).toMatchObject([{ fromOffset: 5, toOffset: 6 }])
})

test('a segment that ends at the recovery point may have lost entries of its indexes: they are made again', () => {
  const place = createPlace('memory')
  const options: OpenOptions = { config: { indexIntervalBytes: 0, segmentBytes: 10 * batchOf('v0').length } }
  const log = openLog(place, options)
  for (let n = 0; n < 12; n++) append(log, `v${n % 10}@${n}`)
  log.close()
  const names = ['00000000000000000000.index', '00000000000000000000.timeindex']
  const right = names.map((name) => fileBytes(place, name))
  for (const [at, name] of names.entries()) {
    place.environment.files.open(`${place.directory}/${name}`, { write: true }).truncate(right[at]!.length / 3)
  }
  const again = openLog(place, { ...options, recoveryPoint: 10 })
  expect(names.map((name) => fileBytes(place, name))).toEqual(right)
  expect(again.offsetForTimestamp(7)?.offset).toBe(7)
})

test('the indexes of a full segment are durable once what is behind it is', async () => {
  const place = createPlace('memory')
  const options: OpenOptions = { config: { indexIntervalBytes: 0, segmentBytes: 10 * batchOf('v0').length } }
  const log = openLog(place, options)
  for (let n = 0; n < 12; n++) append(log, `v${n % 10}@${n}`)
  await log.flush()
  const crashed = { ...place, environment: (place.environment as MemoryEnvironment).crash() }
  for (const name of ['00000000000000000000.index', '00000000000000000000.timeindex']) {
    expect(fileBytes(crashed, name).length).toBeGreaterThan(0)
    expect(fileBytes(crashed, name)).toEqual(fileBytes(place, name))
  }
})

test('what is written again after a cut is flushed, although a flush of the old bytes was under way', async () => {
  const place = createPlace('memory')
  const log = openLog(place)
  append(log, 'kept')
  append(log, 'cut, and longer than what comes instead')
  const flushing = log.flush()
  log.truncateTo(1)
  append(log, 'instead')
  await flushing
  await log.flush()
  expect(log.flushedOffset).toBe(2)
  const crashed = openLog({ ...place, environment: (place.environment as MemoryEnvironment).crash() })
  expect(valuesOf(crashed)).toEqual(['kept', 'instead'])
})

test('after a cut, too, nothing is appended behind damage in the same file', () => {
  const whole = logBytes()
  const size = whole.length / VALUES.length
  whole[size + 65] = 0xff
  const place = placeWith(whole, EPOCHS)
  const log = openLog(place)
  log.truncateTo(4)
  expect(append(log, 'new')).toBe(4)
  expect(log.segments().map((segment) => segment.baseOffset)).toEqual([0, 4])
  log.truncateTo(3)
  expect(append(log, 'newer')).toBe(3)
  expect(log.segments().map((segment) => segment.baseOffset)).toEqual([0, 3])
  expect(readAll(log)).toMatchObject({
    records: [{ value: 'a' }, { value: 'c' }, { offset: 3, value: 'newer' }],
    lost: [1],
  })
  log.close()
  expect(readAll(openLog(place))).toMatchObject({
    records: [{ value: 'a' }, { value: 'c' }, { value: 'newer' }],
    lost: [1],
  })
})
