import { expect, onTestFinished, test } from 'vitest'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { open, type ResetPlan, type ResetTarget, type Tidemark } from '../../../sdk/index.ts'

const value = Buffer.from('x')
const START_MS = 1_700_000_000_000

interface Shop {
  readonly environment: MemoryEnvironment
  readonly tide: Tidemark
}

/** `payments` with 10 and 5 records a second apart; `fraud` is at 4 and at 5 there. */
async function createShop(): Promise<Shop> {
  const environment = new MemoryEnvironment({ clock: 'manual' })
  environment.advance(START_MS + 60_000 - environment.clock.nowMs())
  const tide = await open('memory:', { environment })
  onTestFinished(() => tide.close().catch(() => {}))
  const records = [...Array(15).keys()].map((index) => {
    const partition = index < 10 ? 0 : 1
    return { value, partition, timestampMs: START_MS + (index % 10) * 1000 }
  })
  await tide.topic('payments', { partitions: 2 }).sendBatch(records)
  await tide.groups.commit('fraud', [
    { topic: 'payments', partition: 0, offset: 4, leaderEpoch: 0, metadata: 'mine' },
    { topic: 'payments', partition: 1, offset: 5 },
  ])
  return { environment, tide }
}

function outcome({ changes }: ResetPlan) {
  return changes.map(({ partition, after, redelivered, skipped }) => [partition, after?.offset, redelivered, skipped])
}

/** [target, [partition, goes on at, delivered again, skipped] …] */
const TARGETS: readonly (readonly [ResetTarget, readonly (readonly number[])[]])[] = [
  [
    'earliest',
    [
      [0, 0, 4, 0],
      [1, 0, 5, 0],
    ],
  ],
  [
    'latest',
    [
      [0, 10, 0, 6],
      [1, 5, 0, 0],
    ],
  ],
  [
    'current',
    [
      [0, 4, 0, 0],
      [1, 5, 0, 0],
    ],
  ],
  [
    { offset: 7 },
    [
      [0, 7, 0, 3],
      [1, 5, 0, 0],
    ],
  ],
  [
    { timestampMs: START_MS + 2500 },
    [
      [0, 3, 1, 0],
      [1, 3, 2, 0],
    ],
  ],
  [
    { timestampMs: START_MS + 7000 },
    [
      [0, 7, 0, 3],
      [1, 5, 0, 0],
    ],
  ],
  [
    { duration: 58_000 },
    [
      [0, 2, 2, 0],
      [1, 2, 3, 0],
    ],
  ],
  [
    { duration: 'PT57S' },
    [
      [0, 3, 1, 0],
      [1, 3, 2, 0],
    ],
  ],
  [
    { by: -2 },
    [
      [0, 2, 2, 0],
      [1, 3, 2, 0],
    ],
  ],
  [
    { by: 100 },
    [
      [0, 10, 0, 6],
      [1, 5, 0, 0],
    ],
  ],
  [{ csv: 'payments,1,2\n' }, [[1, 2, 3, 0]]],
  [{ csv: 'audit,payments,0,9\nfraud,payments,0,1\n' }, [[0, 1, 3, 0]]],
]

test.each(TARGETS)('to %j', async (target, expected) => {
  const { tide } = await createShop()
  const plan = await tide.groups.planReset('fraud', target)
  expect(outcome(plan)).toEqual(expected)
  expect((await tide.groups.offsets('fraud')).map(({ offset }) => offset)).toEqual([4, 5])
  await plan.apply()
  const byPartition = new Map((await tide.groups.offsets('fraud')).map(({ partition, offset }) => [partition, offset]))
  for (const [partition, offset] of expected) expect(byPartition.get(partition!)).toBe(offset)
})

test('topics, partitions, and a group that never committed', async () => {
  const { tide } = await createShop()
  expect(
    outcome(await tide.groups.planReset('fraud', 'latest', { topics: [{ topic: 'payments', partitions: [0] }] })),
  ).toEqual([[0, 10, 0, 6]])
  expect(outcome(await tide.groups.planReset('new', 'latest', { topics: ['payments'] }))).toEqual([
    [0, 10, 0, 10],
    [1, 5, 0, 5],
  ])
  const plan = await tide.groups.planReset(
    'fraud',
    { csv: 'payments,0,1\npayments,1,1' },
    { topics: [{ topic: 'payments', partitions: [1] }] },
  )
  expect(outcome(plan)).toEqual([[1, 1, 4, 0]])
})

test('what cannot be meant is refused before anything is read into it', async () => {
  const { groups } = (await createShop()).tide
  const refused = (plan: Promise<ResetPlan>, message: string, code = 'INVALID_ARGUMENT') =>
    expect(plan).rejects.toMatchObject({ code, message: expect.stringContaining(message) })
  await refused(groups.planReset('new', 'latest'), 'has committed nothing that is still there')
  await refused(groups.planReset('new', { by: 1 }, { topics: ['payments'] }), 'never committed on payments-0')
  await refused(groups.planReset('fraud', { csv: 'audit,payments,0,9' }), 'no line about group "fraud"')
  await refused(groups.planReset('fraud', { csv: '' }), 'has no line')
  await refused(groups.planReset('fraud', { csv: 'payments,0,1\npayments,0,2' }), 'names payments-0 twice')
  await refused(groups.planReset('fraud', { offset: -1 }), "must be 'earliest'")
  await refused(groups.planReset('fraud', 'begin' as 'earliest'), "must be 'earliest'")
  await refused(groups.planReset('fraud', { offset: 1, by: 1 }), "must be 'earliest'")
  const plan = await groups.planReset('fraud', 'latest')
  await expect(plan.apply({ forced: true } as object)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  await refused(groups.planReset('fraud', 'latest', { topics: ['nope'] }), 'no topic "nope"', 'UNKNOWN_TOPIC')
  const seventh = { topics: [{ topic: 'payments', partitions: [7] }] }
  await refused(groups.planReset('fraud', 'latest', seventh), 'it has 0 to 1', 'UNKNOWN_TOPIC')
  await refused(groups.planReset('', 'latest'), 'empty', 'INVALID_GROUP_ID')
})

test('a reset commits the leader epoch of the record before it, or none where that is not known', async () => {
  const environment = new MemoryEnvironment()
  // Every ownership that writes to a partition raises its epoch.
  for (let epoch = 0; epoch < 3; epoch++) {
    await using tide = await open('shop', { environment })
    await tide.topic('t').sendBatch([{ value }, { value }])
  }
  await using tide = await open('shop', { environment })
  const epochs: unknown[] = []
  for (const offset of [0, 1, 2, 3, 4, 5, 6]) {
    await (await tide.groups.planReset('g', { offset }, { topics: ['t'] })).apply()
    const [commit] = await tide.groups.offsets('g')
    epochs.push([commit?.offset, commit?.leaderEpoch])
  }
  expect(epochs).toEqual([
    [0, -1],
    [1, 0],
    [2, 0],
    [3, 1],
    [4, 1],
    [5, 2],
    [6, 2],
  ])
})

test('undo puts back offsets, epochs and metadata byte for byte, by the plan and later by what the commits remember', async () => {
  const { tide, environment } = await createShop()
  const before = positions(await tide.groups.offsets('fraud'))
  const plan = await tide.groups.planReset('fraud', 'earliest')
  await plan.apply()
  expect(positions(await tide.groups.offsets('fraud'))).not.toEqual(before)
  await plan.undo()
  expect(positions(await tide.groups.offsets('fraud'))).toEqual(before)

  environment.advance(1000)
  await (await tide.groups.planReset('fraud', { by: -1 })).apply()
  environment.advance(1000)
  await (await tide.groups.planReset('fraud', 'earliest', { topics: ['payments'] })).apply()
  const undo = await tide.groups.planUndo('fraud')
  expect(outcome(undo)).toEqual([
    [0, 3, 0, 3],
    [1, 4, 0, 4],
  ])
  await undo.apply()
  environment.advance(1000)
  await (await tide.groups.planUndo('fraud')).apply()
  expect(positions(await tide.groups.offsets('fraud'))).toEqual(before)
  expect((await tide.groups.planUndo('fraud')).changes).toEqual([])
})

test('undo from another process', async () => {
  const environment = new MemoryEnvironment()
  {
    await using tide = await open('shop', { environment })
    await tide.topic('t', { partitions: 2 }).sendBatch([0, 0, 1].map((partition) => ({ value, partition })))
    await tide.groups.commit('g', [{ topic: 't', partition: 0, offset: 2, leaderEpoch: 0, metadata: '"\\é' }])
    await (await tide.groups.planReset('g', 'earliest', { topics: ['t'] })).apply()
    expect((await tide.groups.offsets('g')).length).toBe(2)
  }
  await using tide = await open('shop', { environment })
  await (await tide.groups.planUndo('g')).apply()
  // The partition that had no commit has none again.
  expect(positions(await tide.groups.offsets('g'))).toEqual([['t', 0, 2, 0, '"\\é']])
})

test('undo refuses where the group went on, says where, and obeys when forced', async () => {
  const { tide } = await createShop()
  const plan = await tide.groups.planReset('fraud', 'earliest')
  await plan.apply()
  await tide.groups.commit('fraud', [{ topic: 'payments', partition: 1, offset: 2 }])
  const now = positions(await tide.groups.offsets('fraud'))
  const undo = await tide.groups.planUndo('fraud')
  expect(undo.changes.map(({ partition, hasMovedOn }) => [partition, hasMovedOn])).toEqual([
    [0, false],
    [1, true],
  ])
  for (const refused of [undo.apply(), plan.undo()]) {
    await expect(refused).rejects.toMatchObject({ code: 'GROUP_MOVED', message: expect.stringContaining('payments-1') })
  }
  expect(positions(await tide.groups.offsets('fraud'))).toEqual(now)
  await undo.apply({ force: true })
  expect(positions(await tide.groups.offsets('fraud'))).toEqual([
    ['payments', 0, 4, 0, 'mine'],
    ['payments', 1, 5, -1, ''],
  ])
})

test('a plan is refused when the group has moved since it was made', async () => {
  const { tide } = await createShop()
  const plan = await tide.groups.planReset('fraud', 'earliest')
  await tide.groups.commit('fraud', [{ topic: 'payments', partition: 0, offset: 4, leaderEpoch: 0, metadata: 'other' }])
  await expect(plan.apply()).rejects.toMatchObject({ code: 'GROUP_MOVED' })
  await plan.apply({ force: true })
  expect((await tide.groups.offsets('fraud')).map(({ offset }) => offset)).toEqual([0, 0])
})

test('a group with members is left alone, and the message says what works', async () => {
  const { tide } = await createShop()
  await (await tide.groups.planReset('fraud', 'earliest')).apply()
  const loop = tide.topic('payments').consume({ group: 'fraud' })[Symbol.asyncIterator]()
  await loop.next()
  const plan = await tide.groups.planReset('fraud', 'latest')
  expect(plan.members).toMatchObject([{ clientId: 'tidemark' }])
  for (const refused of [plan.apply(), (await tide.groups.planUndo('fraud')).apply({ force: true })]) {
    await expect(refused).rejects.toMatchObject({
      code: 'NON_EMPTY_GROUP',
      message: expect.stringMatching(
        /1 member \(tidemark\).*\nWhat works: move it with `running`.*; or stop the program/,
      ),
    })
  }
  await loop.return?.()
})

test('metadata that does not fit beside the new offset is not lost: the reset is refused', async () => {
  const { tide } = await createShop()
  await tide.groups.commit('fraud', [{ topic: 'payments', partition: 0, offset: 4, metadata: 'é'.repeat(4096) }])
  await expect(tide.groups.planReset('fraud', 'earliest')).rejects.toMatchObject({
    code: 'OFFSET_METADATA_TOO_LARGE',
    topic: 'payments',
    partition: 0,
  })
  // What works, as the message says.
  const kept = await tide.groups.deleteOffsets('fraud', [{ topic: 'payments', partition: 0 }])
  await (await tide.groups.planReset('fraud', 'earliest', { topics: ['payments'] })).apply()
  await (await tide.groups.planUndo('fraud')).apply()
  await tide.groups.restore(kept)
  expect((await tide.groups.offsets('fraud'))[0]).toMatchObject({ offset: 4, metadata: 'é'.repeat(4096) })
})

test('what a deletion hands back restores it: offsets, epochs and metadata', async () => {
  const { tide } = await createShop()
  const before = positions(await tide.groups.offsets('fraud'))
  const [deleted] = await tide.groups.delete('fraud')
  expect(await tide.groups.list()).toEqual([])
  await tide.groups.restore(deleted!)
  expect(positions(await tide.groups.offsets('fraud'))).toEqual(before)
  const topic = await tide.groups.deleteOffsets('fraud', ['payments'])
  expect(await tide.groups.offsets('fraud')).toEqual([])
  // It can be kept as JSON.
  await tide.groups.restore(JSON.parse(JSON.stringify(topic)))
  expect(positions(await tide.groups.offsets('fraud'))).toEqual(before)
  await expect(tide.groups.restore(topic)).rejects.toMatchObject({ code: 'GROUP_MOVED' })
  await tide.groups.restore(topic, { force: true })
})

test('somebody who only reads may plan, but not apply', async () => {
  const environment = new MemoryEnvironment()
  await using tide = await open('shop', { environment })
  await tide.topic('t').send({ value })
  await tide.groups.commit('g', [{ topic: 't', partition: 0, offset: 1 }])
  await using reader = await open('shop', { environment, readOnly: true })
  const plan = await reader.groups.planReset('g', 'earliest')
  expect(outcome(plan)).toEqual([[0, 0, 1, 0]])
  await expect(plan.apply()).rejects.toMatchObject({ code: 'READ_ONLY' })
})

test('a commit for a topic that had the name before counts as none', async () => {
  const { tide } = await createShop()
  await tide.topics.delete('payments')
  await tide.topic('payments').sendBatch([{ value }, { value }])
  await expect(tide.groups.planReset('fraud', 'latest')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
})

function positions(offsets: Awaited<ReturnType<Tidemark['groups']['offsets']>>) {
  return offsets.map(({ topic, partition, offset, leaderEpoch, metadata }) => [
    topic,
    partition,
    offset,
    leaderEpoch,
    metadata,
  ])
}

test('an undo notices that compaction left only what the group committed after the reset on some of its partitions', async () => {
  const { tide } = await createShop()
  const plan = await tide.groups.planReset('fraud', 'earliest')
  expect(plan.lostPartitions).toBe(0)
  // What a compacted log says: the reset of partition 0, and of partition 1 what came after it.
  const { offset, leaderEpoch, metadata } = plan.changes[0]!.after!
  await tide.groups.delete('fraud')
  await tide.groups.commit('scam', [
    { topic: 'payments', partition: 0, offset, leaderEpoch, metadata },
    { topic: 'payments', partition: 1, offset: 3 },
  ])
  const undo = await tide.groups.planUndo('scam')
  expect([undo.lostPartitions, undo.changes.map(({ partition, after }) => [partition, after?.offset])]).toEqual([
    1,
    [[0, 4]],
  ])
  await expect(undo.apply()).rejects.toMatchObject({
    code: 'GROUP_MOVED',
    message: expect.stringContaining('on 1 more partition of that reset, where nobody knows any more where it was'),
  })
  // Whoever names topics means those.
  expect((await tide.groups.planUndo('scam', { topics: ['payments'] })).lostPartitions).toBe(0)
  await undo.apply({ force: true })
  const offsets = (await tide.groups.offsets('scam')).map((each) => each.offset)
  expect(offsets).toEqual([4, 3])
})
