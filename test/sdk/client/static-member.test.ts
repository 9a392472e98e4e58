/** `instanceId` and `assignor`, as a program uses them. */
import { expect, onTestFinished, test } from 'vitest'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { type ConsumeOptions, type Consumer, open, type Tidemark } from '../../../sdk/index.ts'
import { turns } from './support/create-client.ts'

function createWorld() {
  const environment = new MemoryEnvironment({ clock: 'manual' })
  const start = async () => {
    const tide = await open('memory:', { environment })
    onTestFinished(() => tide.close().catch(() => {}))
    return tide
  }
  const step = async (ms = 100) => {
    environment.advance(ms)
    await turns(2)
  }
  /** Joins, and waits until its share is what the group means it to be. */
  const join = async (tide: Tidemark, options: Partial<ConsumeOptions> = {}) => {
    const consumer = tide.topic('t').consume({ group: 'g', ...options })
    consumer[Symbol.asyncIterator]()
      .next()
      .catch(() => {})
    for (let n = 0; n < 20; n++) await step()
    return consumer
  }
  return { environment, start, step, join }
}

const shareOf = (consumer: Consumer<unknown>) => consumer.assignment.map(({ partition }) => partition).toSorted()

test('static members have their partitions again after a restart of the process, in whatever order they come', async () => {
  const { start, step, join } = createWorld()
  const first = await start()
  await first.topic('t', { partitions: 6 }).ensure()
  const before = new Map<string, number[]>()
  const consumers = []
  for (const instanceId of ['a', 'b', 'c']) consumers.push(await join(first, { instanceId }))
  for (const [index, consumer] of consumers.entries()) before.set('abc'[index]!, shareOf(consumer))
  expect([...before.values()].flat().toSorted()).toEqual([0, 1, 2, 3, 4, 5])
  await first.close()

  const second = await start()
  const [c, other] = [await join(second, { instanceId: 'c' }), await join(second)]
  expect(shareOf(c), 'nothing of those that are away').toEqual(before.get('c'))
  expect(shareOf(other)).toEqual([])
  const a = await join(second, { instanceId: 'a' })
  expect(shareOf(a)).toEqual(before.get('a'))
  // b never comes back: when its session is over, what it had is for the others.
  for (let n = 0; n < 460; n++) await step()
  expect(shareOf(other).length).toBeGreaterThan(0)
  expect([...shareOf(a), ...shareOf(c), ...shareOf(other)].toSorted()).toEqual([0, 1, 2, 3, 4, 5])
})

test('a static consumer that is closed and made anew moves nothing', async () => {
  const { start, join } = createWorld()
  const tide = await start()
  await tide.topic('t', { partitions: 4 }).ensure()
  const a = await join(tide, { instanceId: 'a' })
  const b = await join(tide, { instanceId: 'b' })
  const before = [shareOf(a), shareOf(b)]
  await b.close()
  const again = await join(tide, { instanceId: 'b' })
  expect([shareOf(a), shareOf(again)]).toEqual(before)
})

test('a restart that takes longer than a session forgets static members', async () => {
  const { environment, start, join } = createWorld()
  const first = await start()
  await first.topic('t', { partitions: 2 }).ensure()
  await join(first, { instanceId: 'a' })
  await first.close()
  environment.advance(45_000)
  const second = await start()
  expect((await second.groups.describe('g')).members).toEqual([])
  const other = await join(second)
  expect(shareOf(other)).toEqual([0, 1])
})

test('two consumers with one instance id are told apart from a restart', async () => {
  const { start, join } = createWorld()
  const tide = await start()
  await tide.topic('t').ensure()
  await join(tide, { instanceId: 'a' })
  const loop = tide.topic('t').consume({ group: 'g', instanceId: 'a' })[Symbol.asyncIterator]()
  await expect(loop.next()).rejects.toMatchObject({
    code: 'UNRELEASED_INSTANCE_ID',
    message: expect.stringContaining('Instance a of group g is in use'),
  })
})

test('range gives each member partitions side by side, the same of every topic', async () => {
  const { start, step } = createWorld()
  const tide = await start()
  const topics = ['t', 'u'].map((name) => tide.topic(name, { partitions: 4 }))
  for (const topic of topics) await topic.ensure()
  const consumers = [1, 2].map(() => tide.consume(topics, { group: 'g', assignor: 'range' }))
  for (const consumer of consumers) {
    consumer[Symbol.asyncIterator]()
      .next()
      .catch(() => {})
  }
  for (let n = 0; n < 20; n++) await step()
  const shares = consumers.map(({ assignment }) => {
    return assignment
      .map(({ topic, partition }) => `${topic}${partition}`)
      .toSorted()
      .join(' ')
  })
  expect(shares.toSorted()).toEqual(['t0 t1 u0 u1', 't2 t3 u2 u3'])
  expect((await tide.groups.describe('g')).assignor).toBe('range')
})

test('a group whose static members are away is not moved before their session is over, and says so', async () => {
  const { environment, start, join } = createWorld()
  const first = await start()
  await first.topic('t').send({ value: Buffer.from('x') })
  await first.groups.commit('g', [{ topic: 't', partition: 0, offset: 1 }])
  const a = await join(first, { instanceId: 'a' })
  await a.close()
  const plan = await first.groups.planReset('g', 'earliest')
  await expect(plan.apply()).rejects.toMatchObject({
    code: 'NON_EMPTY_GROUP',
    message: expect.stringContaining('static members (a) keep their places for 45 s'),
  })
  await first.close()
  environment.advance(45_000)
  const second = await start()
  await (await second.groups.planReset('g', 'earliest')).apply()
})
