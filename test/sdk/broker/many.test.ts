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

test('sends to many new partitions let others have their turn in between', async () => {
  const environment = new MemoryEnvironment()
  const tide = await open(PATH, { environment })
  let turns = 0
  let isDone = false
  const count = async () => {
    while (!isDone) {
      await environment.timers.yield()
      turns++
    }
  }
  const counting = count()
  const topic = tide.topic('events', { partitions: PARTITIONS })
  await topic.ensure()
  turns = 0
  await topic.sendBatch(Array.from({ length: PARTITIONS }, (_, partition) => ({ value: Buffer.from('x'), partition })))
  isDone = true
  await counting
  expect(turns).toBeGreaterThan(PARTITIONS / 2)
  await tide.close()
})
