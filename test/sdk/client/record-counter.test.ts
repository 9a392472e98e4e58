import { expect, test } from 'vitest'
import { RecordCounter } from '../../../sdk/client/record-counter.ts'
import { randomFrom, type SeededRandom } from '../../../sdk/environment/seeded-random.ts'
import { encodeBatch } from '../../../sdk/record/batch-builder.ts'
import { ScriptedBroker } from '../../support/scripted-broker.ts'

const PLENTY = () => ({ bytes: 1e9 })
const place = { topic: 't', partition: 0 }

function createLog(): { broker: ScriptedBroker; counter: RecordCounter } {
  const broker = new ScriptedBroker()
  broker.addTopic('t')
  return { broker, counter: new RecordCounter(broker, place) }
}

test('a log without gaps is read once; what was counted is remembered', async () => {
  const { broker, counter } = createLog()
  for (let n = 0; n < 100; n++) broker.append('t', 0, ['a', 'b', 'c'])
  expect(await counter.count(0, 300, PLENTY())).toBe(300)
  const before = broker.seen('fetch').length
  expect(await counter.count(17, 300, PLENTY())).toBe(283)
  expect(broker.seen('fetch').length).toBe(before)
  broker.append('t', 0, ['d'])
  expect(await counter.count(17, 301, PLENTY())).toBe(284)
  expect(broker.seen('fetch').at(-1)!.partitions[0]!.fetchOffset).toBe(300)
})

test('beyond the budget the count is not known, and comes nearer with every attempt', async () => {
  const { broker, counter } = createLog()
  for (let n = 0; n < 4; n++) broker.append('t', 0, ['x'.repeat(800_000)])
  const attempts = []
  for (let n = 0; n < 5; n++) attempts.push(await counter.count(0, 4, { bytes: 800_000 }))
  expect(attempts).toEqual([null, null, null, 4, 4])
})

test('control batches are not counted, nor the gaps that compaction left', async () => {
  const { broker, counter } = createLog()
  broker.append('t', 0, ['a'])
  broker.appendBatch('t', 0, encodeBatch([{ key: Buffer.from([0, 0, 0, 1]), value: null }], { isControl: true }))
  broker.appendBatch('t', 0, encodeBatch([{ key: null, value: null, offsetDelta: 3 }], { lastOffsetDelta: 9 }))
  expect(await counter.count(0, 12, PLENTY())).toBe(2)
  expect(await counter.count(1, 12, PLENTY())).toBe(1)
  expect(await counter.count(5, 12, PLENTY())).toBe(1)
  expect(await counter.count(6, 12, PLENTY())).toBe(0)
})

test('what is damaged is not counted', async () => {
  const { broker, counter } = createLog()
  for (let n = 0; n < 3; n++) broker.append('t', 0, ['a', 'b'])
  broker.override('fetch', async (request, usual) => {
    const { fetchOffset } = request.partitions[0]!
    const answer = await usual()
    if (fetchOffset >= 4) return answer
    const error = { code: 'CORRUPT_BATCH' as const, message: 'zeros' }
    return {
      partitions: answer.partitions.map((each) => ({
        ...each,
        error,
        records: Buffer.alloc(0),
        nextReadableOffset: 4,
      })),
    }
  })
  expect(await counter.count(0, 6, PLENTY())).toBe(2)
})

function appendRandom(broker: ScriptedBroker, present: Set<number>, random: SeededRandom): void {
  const base = broker.partition('t', 0).end
  if (random.below(10) === 0) {
    broker.appendBatch('t', 0, encodeBatch([{ key: Buffer.from([0, 0, 0, 1]), value: null }], { isControl: true }))
    return
  }
  const deltas: number[] = []
  for (
    let delta = random.below(3) === 0 ? random.below(4) : 0;
    deltas.length < 1 + random.below(5);
    delta += 1 + (random.below(4) === 0 ? random.below(3) : 0)
  )
    deltas.push(delta)
  for (const delta of deltas) present.add(base + delta)
  const lastOffsetDelta = deltas.at(-1)! + (random.below(4) === 0 ? random.below(3) : 0)
  const records = deltas.map((offsetDelta) => ({ key: null, value: Buffer.alloc(random.below(3000)), offsetDelta }))
  broker.appendBatch('t', 0, encodeBatch(records, { lastOffsetDelta }))
}

for (const seed of [1, 2, 3, 4]) {
  test(`counts of random ranges of a growing log with gaps equal a set of offsets (SEED=${seed})`, async () => {
    const random = randomFrom(seed)
    const { broker, counter } = createLog()
    const present = new Set<number>()
    for (let step = 0; step < 150; step++) {
      for (let n = random.below(8); n >= 0; n--) appendRandom(broker, present, random)
      const { end } = broker.partition('t', 0)
      const from = random.below(end)
      const expected = [...present].filter((offset) => offset >= from).length
      expect(await counter.count(from, end, PLENTY()), `from ${from} to ${end}`).toBe(expected)
    }
  })
}
