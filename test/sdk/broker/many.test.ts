import { expect, test } from 'vitest'
import { Follower } from '../../../sdk/broker/follower.ts'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { open } from '../../../sdk/open.ts'

const PATH = '/data'
const PARTITIONS = 60

/** A directory in which many groups have committed for partitions of one topic. */
async function fill(environment: MemoryEnvironment, groups: number) {
  const tide = await open(PATH, { environment })
  const topic = tide.topic('events', { partitions: PARTITIONS })
  await topic.sendBatch(Array.from({ length: PARTITIONS }, (_, partition) => ({ value: Buffer.from('x'), partition })))
  for (let group = 0; group < groups; group++) {
    await tide.groups.commit(`group-${group}`, [{ topic: 'events', partition: group % PARTITIONS, offset: 0 }])
  }
  return tide
}

test('the lag of many groups takes a follower a few looks at the directory, not some per group', async () => {
  const machine = new MemoryEnvironment()
  const owner = await fill(machine, PARTITIONS)
  const looking = machine.anotherProcess()
  const follower = await open(PATH, { environment: looking, readOnly: true })
  expect(await follower.lag()).toHaveLength(PARTITIONS)
  const { list, open: opened } = looking.counts
  expect((await follower.lag()).map(({ lag }) => lag)).toEqual(new Array(PARTITIONS).fill(1))
  // Each partition is listed once per question (commits, both ends, counts); each group adds its offsets partition.
  expect(looking.counts.list - list).toBeLessThan(10 * PARTITIONS)
  // A look reads each partition's id.
  expect(looking.counts.open - opened).toBeLessThan(5 * (PARTITIONS + 60))
  await owner.groups.commit('group-7', [{ topic: 'events', partition: 7, offset: 1 }])
  const row = (await follower.lag({ group: 'group-7' }))[0]
  expect(row).toMatchObject({ committedOffset: 1, lag: 0 })
  await follower.close()
  await owner.close()
})

test('a follower sees the commits of a group that is new, and that a group is gone', async () => {
  const machine = new MemoryEnvironment()
  const owner = await fill(machine, 3)
  const follower = Follower.open(machine.anotherProcess(), PATH)
  const committed = async (group: string) =>
    (await follower.offsetFetch({ group, partitions: null })).partitions.map(({ offset }) => offset)
  expect(await committed('group-1')).toEqual([0])
  expect(await committed('nobody')).toEqual([])
  await owner.groups.commit('nobody', [{ topic: 'events', partition: 0, offset: 1 }])
  expect(await committed('nobody')).toEqual([1])
  await owner.groups.delete('group-1')
  expect(await committed('group-1')).toEqual([])
  await follower.close()
  await owner.close()
})

test('new partitions are made a few at a time, which share a flush of their names, and others have their turn in between', async () => {
  const environment = new MemoryEnvironment()
  const tide = await open(PATH, { environment })
  const topic = tide.topic('events', { partitions: PARTITIONS })
  await topic.ensure()
  let mostMade = 0
  let isDone = false
  const watch = async () => {
    while (!isDone) {
      const { makeDirectory } = environment.counts
      await environment.timers.yield()
      mostMade = Math.max(mostMade, environment.counts.makeDirectory - makeDirectory)
    }
  }
  const watching = watch()
  const before = { ...environment.counts }
  await topic.sendBatch(Array.from({ length: PARTITIONS }, (_, partition) => ({ value: Buffer.from('x'), partition })))
  isDone = true
  await watching
  expect(mostMade).toBeLessThanOrEqual(PARTITIONS / 2 + 2)
  // Each flushes its own directory, id, epoch and record; two groups of them the directory around. And one producer id.
  const flushes = ['sync', 'syncDirectory'].map((name) => environment.counts[name as 'sync'] - before[name as 'sync'])
  expect(flushes).toEqual([3 * PARTITIONS + 1, PARTITIONS + 2])
  await tide.close()
})

test('an ownership that appends to many partitions for the first time raises their epochs together', async () => {
  const machine = new MemoryEnvironment()
  await (await fill(machine, 0)).close()
  const tide = await open(PATH, { environment: machine })
  const metadata = () => machine.files.stat(`${PATH}/__cluster_metadata-0/00000000000000000000.log`)?.sizeBytes ?? 0
  const before = { bytes: metadata(), sync: machine.counts.sync }
  const records = Array.from({ length: PARTITIONS }, (_, partition) => ({ value: Buffer.from('x'), partition }))
  await tide.topic('events').sendBatch(records)
  // A producer id and two batches of epochs in the metadata log; an epoch and a record each.
  expect(machine.counts.sync - before.sync).toBe(3 + 2 * PARTITIONS)
  expect(metadata()).toBeGreaterThan(before.bytes)
  await tide.close()
})

test('a topic that is deleted while its partitions are made leaves nothing behind, and one of its name begins anew', async () => {
  const environment = new MemoryEnvironment()
  const tide = await open(PATH, { environment })
  const topic = tide.topic('events', { partitions: 3, create: 'never' })
  const directories = () => environment.files.list(PATH).filter((name) => name.startsWith('events-'))
  for (let turns = 0; turns < 12; turns++) {
    await tide.topics.create('events', { partitions: 3 })
    const records = Array.from({ length: 3 }, (_, partition) => ({ value: Buffer.from('x'), partition }))
    const sending = topic.sendBatch(records).catch((error: unknown) => error)
    for (let turn = 0; turn < turns; turn++) await environment.timers.yield()
    await tide.topics.delete('events')
    await sending
    expect(directories(), `deleted after ${turns} turns`).toEqual([])
  }
  await tide.close()
})
