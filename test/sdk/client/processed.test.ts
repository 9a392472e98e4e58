import { expect, test } from 'vitest'
import { FetchedBatch } from '../../../sdk/client/fetched-batch.ts'
import type { FetchedRecord } from '../../../sdk/client/fetched-record.ts'
import { ProcessedPrefix } from '../../../sdk/client/processed.ts'
import { bytes } from '../../../sdk/client/serde.ts'
import { randomFrom } from '../../../sdk/environment/seeded-random.ts'
import { encodeBatch } from '../../../sdk/record/batch-builder.ts'
import { RecordBatch } from '../../../sdk/record/record-batch.ts'

/** Records with these offsets, in one batch of this epoch. */
function createRecords(prefix: ProcessedPrefix, offsets: readonly number[], leaderEpoch = 0): FetchedRecord[] {
  const inputs = offsets.map((offset) => ({ key: null, value: null, offsetDelta: offset - offsets[0]! }))
  const batch = new RecordBatch(encodeBatch(inputs, { baseOffset: offsets[0]!, partitionLeaderEpoch: leaderEpoch }))
  const fetched = new FetchedBatch(
    batch,
    prefix,
    { key: bytes, value: bytes },
    { from: 0, to: Number.MAX_SAFE_INTEGER },
  )
  return offsets.map(() => fetched.next()!)
}

function createPrefix(start = 0): ProcessedPrefix {
  const prefix = new ProcessedPrefix('t', 0)
  prefix.startAt(start, -1, false)
  return prefix
}

test('the prefix ends before the first record that is not done, whatever the order', () => {
  const prefix = createPrefix()
  const records = createRecords(prefix, [0, 1, 2, 3])
  for (const record of records) prefix.handOut(record)
  records[2]!.done()
  records[1]!.done()
  expect([prefix.offset, prefix.undone, prefix.uncommitted]).toEqual([0, 4, 0])
  records[0]!.done()
  expect([prefix.offset, prefix.undone, prefix.uncommitted]).toEqual([3, 1, 3])
})

test('after processing 1,850 the prefix says 1,851, with the epoch of that record’s batch', () => {
  const prefix = createPrefix(1850)
  const [record] = createRecords(prefix, [1850], 7)
  prefix.handOut(record!)
  expect(prefix.hasMoved).toBe(false)
  record!.done()
  expect([prefix.offset, prefix.leaderEpoch, prefix.hasMoved]).toEqual([1851, 7, true])
})

test('done() twice counts once', () => {
  const prefix = createPrefix()
  const records = createRecords(prefix, [0, 1])
  for (const record of records) prefix.handOut(record)
  records[0]!.done()
  records[0]!.done()
  expect([prefix.offset, prefix.uncommitted]).toEqual([1, 1])
})

test('doneAll counts up to an index, inclusive of those done before', () => {
  const prefix = createPrefix()
  const records = createRecords(prefix, [0, 1, 2, 3])
  for (const record of records) prefix.handOut(record)
  records[3]!.done()
  prefix.doneAll(records, 2)
  expect(prefix.offset).toBe(2)
  prefix.doneAll(records, 3)
  expect(prefix.offset).toBe(4)
})

test('gaps in the offsets are no records: the prefix goes on behind what was done', () => {
  const prefix = createPrefix()
  const records = createRecords(prefix, [5, 9])
  for (const record of records) prefix.handOut(record)
  records[0]!.done()
  expect(prefix.offset).toBe(6)
  records[1]!.done()
  expect(prefix.offset).toBe(10)
})

test('batches without records are passed over once everything before them is done', () => {
  const prefix = createPrefix()
  const [record] = createRecords(prefix, [0], 1)
  prefix.handOut(record!)
  prefix.pass(4, 2)
  expect(prefix.offset).toBe(0)
  record!.done()
  expect([prefix.offset, prefix.leaderEpoch]).toEqual([4, 2])
  prefix.pass(6, 3)
  expect([prefix.offset, prefix.leaderEpoch]).toEqual([6, 3])
})

test('what is passed over never hides a record that comes later', () => {
  const prefix = createPrefix()
  const records = createRecords(prefix, [0, 8])
  prefix.handOut(records[0]!)
  prefix.pass(8, 0)
  prefix.handOut(records[1]!)
  records[0]!.done()
  expect(prefix.offset).toBe(1)
})

test('once closed nothing counts, and what is undone learns it by its signal', async () => {
  const prefix = createPrefix()
  const records = createRecords(prefix, [0, 1])
  for (const record of records) prefix.handOut(record)
  records[0]!.done()
  const { signal } = records[1]!
  const settled = prefix.settled()
  prefix.close()
  expect(signal.aborted).toBe(true)
  records[1]!.done()
  expect([prefix.offset, prefix.hasMoved]).toEqual([1, false])
  await settled
})

test('a signal that is asked for too late is aborted already; without undone records nobody is told', () => {
  const late = createPrefix()
  const [record] = createRecords(late, [0])
  late.handOut(record!)
  late.close()
  expect(record!.signal.aborted).toBe(true)
  const settled = createPrefix()
  const { signal } = settled
  settled.close()
  expect(signal.aborted).toBe(false)
})

test('settled resolves when the last undone record is done', async () => {
  const prefix = createPrefix()
  const [record] = createRecords(prefix, [0])
  await prefix.settled()
  prefix.handOut(record!)
  let isSettled = false
  const waiting = prefix.settled().then(() => {
    isSettled = true
  })
  await Promise.resolve()
  expect(isSettled).toBe(false)
  record!.done()
  await waiting
})

for (const seed of [1, 2, 3, 4, 5]) {
  test(`random hand-outs and dones agree with a set of offsets (SEED=${seed})`, () => {
    const random = randomFrom(seed)
    const prefix = createPrefix()
    const offsets: number[] = []
    for (let offset = 0; offsets.length < 500; offset += 1 + random.below(3)) offsets.push(offset)
    const records = createRecords(prefix, offsets)
    const done = new Set<number>()
    let handedOut = 0
    for (let step = 0; step < 4_000; step++) {
      if (handedOut < records.length && random.below(3) === 0) prefix.handOut(records[handedOut++]!)
      else if (handedOut > 0) {
        const record = records[Math.max(0, handedOut - 1 - random.below(40))]!
        record.done()
        done.add(record.offset)
      }
      const firstUndone = offsets.findIndex((offset) => !done.has(offset))
      const expected = firstUndone === 0 ? 0 : (offsets.at(firstUndone - 1) ?? -1) + 1
      expect(prefix.offset).toBe(expected)
      expect(prefix.undone).toBe(handedOut - (firstUndone < 0 ? handedOut : firstUndone))
    }
  })
}
