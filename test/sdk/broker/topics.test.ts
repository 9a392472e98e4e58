/** Metadata, and topics that are created, grown, configured and deleted. */
import { expect, test } from 'vitest'
import type { Broker } from '../../../sdk/broker/broker.ts'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import {
  batchesOf,
  commit,
  committed,
  create,
  epochEnd,
  fetch,
  offsetAt,
  produce,
  readAll,
  send,
  valuesOf,
} from '../../support/broker/requests.ts'
import { createWorld, PATH, testOwners, testReaders } from '../../support/broker/worlds.ts'

async function topicsOf(broker: Broker, names: readonly string[] | null = null): Promise<string[]> {
  const { topics } = await broker.metadata({ topics: names })
  return topics.map(({ name, internal, partitions }) => `${name}/${partitions.length}${internal ? ' internal' : ''}`)
}

async function configsOf(broker: Broker, topic: string): Promise<Record<string, string>> {
  const { topics } = await broker.describeConfigs({ topics: [topic] })
  const set = topics[0]!.configs.filter(({ isDefault }) => !isDefault)
  return Object.fromEntries(set.map(({ name, value }) => [name, value]))
}

const codesOf = (results: readonly PromiseSettledResult<unknown>[]): string[] =>
  results.map((result) => (result.status === 'fulfilled' ? 'ok' : result.reason.code))

testReaders(
  'topics are listed with ids, partitions and configs; unknown names are left out',
  async (owner) => {
    const topicId = await create(owner, 't', 3, { 'segment.bytes': '1048576' })
    await create(owner, 'other')
    await owner.createPartitions({ topic: 'other', totalCount: 2 })
    await owner.incrementalAlterConfigs({
      topic: 'other',
      configs: { 'max.message.bytes': '1000', 'retention.ms': null },
    })
    await commit(owner, 'g', 't', 0)
    return topicId
  },
  async (broker, topicId) => {
    const { clusterId, topics } = await broker.metadata({ topics: ['t', 'nothing'] })
    expect(clusterId).toMatch(/^[\w-]{22}$/)
    const partitions = [0, 1, 2].map((partition) => ({ partition, leaderEpoch: 0 }))
    expect(topics).toEqual([{ name: 't', topicId, internal: false, partitions }])
    expect(await topicsOf(broker)).toEqual(['t/3', 'other/2', '__consumer_offsets/50 internal'])
    expect(await configsOf(broker, 't')).toEqual({ 'retention.ms': '-1', 'segment.bytes': '1048576' })
    expect(await configsOf(broker, 'other')).toEqual({ 'max.message.bytes': '1000' })
    await expect(broker.describeConfigs({ topics: ['nothing'] })).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC' })
  },
)

testOwners('topics that cannot be are refused one by one, and validateOnly creates none', async (world) => {
  const owner = await world.own()
  await create(owner, 'there')
  const topic = (name: string, partitions = 1, configs = {}) => ({ name, partitions, configs })
  const { topics } = await owner.createTopics({
    topics: [
      topic('there'),
      topic('a/b'),
      topic('__cluster_metadata'),
      topic('none', 0),
      topic('many', 10_001),
      topic('odd', 1, { 'no.such.config': '1' }),
      topic('odd', 1, { 'retention.ms': 'soon' }),
      topic('odd', 1, { 'compression.type': 'brotli' }),
      topic('a.b'),
      topic('a_b'),
      topic('fine'),
    ],
  })
  expect(topics.map(({ error }) => error?.code)).toEqual([
    'TOPIC_EXISTS',
    'INVALID_TOPIC',
    'INVALID_TOPIC',
    'INVALID_PARTITIONS',
    'INVALID_PARTITIONS',
    'INVALID_CONFIG',
    'INVALID_CONFIG',
    'INVALID_CONFIG',
    undefined,
    'INVALID_TOPIC',
    undefined,
  ])
  const validated = await owner.createTopics({ topics: [topic('new'), topic('there')], validateOnly: true })
  expect(validated.topics.map(({ error }) => error?.code)).toEqual([undefined, 'TOPIC_EXISTS'])
  expect(await topicsOf(owner)).toEqual(['there/1', 'a.b/1', 'fine/1'])
})

testOwners('the same change asked for twice at once is made once', async (world) => {
  const owner = await world.own()
  const twice = async (change: () => Promise<unknown>) => codesOf(await Promise.allSettled([change(), change()]))
  expect(await twice(() => create(owner, 't'))).toEqual(['ok', 'TOPIC_EXISTS'])
  expect(await twice(() => owner.createPartitions({ topic: 't', totalCount: 3 }))).toEqual(['ok', 'INVALID_PARTITIONS'])
  expect(await topicsOf(owner)).toEqual(['t/3'])
  const both = await Promise.all([send(owner, 't', 'a', 2), send(owner, 't', 'b', 2)])
  expect(both).toEqual([0, 1])
  expect(await twice(() => owner.deleteTopics({ topics: ['t'] }))).toEqual(['ok', 'UNKNOWN_TOPIC'])
  expect(await twice(() => commit(owner, 'g', 't', 1))).toEqual(['UNKNOWN_TOPIC', 'UNKNOWN_TOPIC'])
})

testOwners('a topic can only grow, and not without bounds', async (world) => {
  const owner = await world.own()
  await create(owner, 't')
  for (const totalCount of [1, 0, -1, 10_001]) {
    await expect(owner.createPartitions({ topic: 't', totalCount })).rejects.toMatchObject({
      code: 'INVALID_PARTITIONS',
    })
  }
  await expect(owner.createPartitions({ topic: 'nothing', totalCount: 2 })).rejects.toMatchObject({
    code: 'UNKNOWN_TOPIC',
  })
})

testOwners('nobody creates, grows, configures or deletes what belongs to Kafka itself', async (world) => {
  const owner = await world.own()
  const names = ['__consumer_offsets', '__transaction_state', '__share_group_state', '__cluster_metadata']
  for (const state of ['before', 'after'] as const) {
    for (const topic of names) {
      const { topics } = await owner.createTopics({ topics: [{ name: topic, partitions: 1, configs: {} }] })
      expect(topics[0]?.error, `${topic} ${state} a commit`).toMatchObject({ code: 'INVALID_TOPIC' })
      const changes = [
        owner.createPartitions({ topic, totalCount: 60 }),
        owner.incrementalAlterConfigs({ topic, configs: { 'cleanup.policy': 'delete' } }),
        owner.deleteTopics({ topics: [topic] }),
      ]
      expect(codesOf(await Promise.allSettled(changes))).toEqual(['INVALID_TOPIC', 'INVALID_TOPIC', 'INVALID_TOPIC'])
    }
    if (state === 'after') continue
    expect(await topicsOf(owner)).toEqual([])
    await create(owner, 't')
    await commit(owner, 'g', 't', 0)
    expect(await topicsOf(owner)).toEqual(['t/1', '__consumer_offsets/50 internal'])
  }
  expect(await configsOf(owner, '__consumer_offsets')).toMatchObject({ 'cleanup.policy': 'compact' })
})

testOwners('a deleted topic takes its records and commits along; one of the same name begins anew', async (world) => {
  const owner = await world.own()
  const firstId = await create(owner, 't', 2)
  await create(owner, 'kept')
  for (const partition of [0, 1]) await send(owner, 't', 'old', partition)
  await send(owner, 'kept', 'kept')
  await commit(owner, 'g', 't', 1)
  await commit(owner, 'g', 'kept', 1)
  await owner.deleteTopics({ topics: ['t'] })
  expect((await fetch(owner, 't')).error?.code).toBe('UNKNOWN_TOPIC')
  expect((await produce(owner, 't', 'x')).error?.code).toBe('UNKNOWN_TOPIC')
  expect(await committed(owner, 'g')).toEqual(['kept-0@1'])
  const directories = () => world.environment.files.list(world.path).filter((name) => name.startsWith('t-'))
  expect(directories()).toEqual([])
  const follower = world.follow()
  const secondId = await create(owner, 't')
  expect(secondId).not.toBe(firstId)
  await send(owner, 't', 'new')
  for (const broker of [owner, follower]) {
    expect(await readAll(broker, 't')).toEqual(['0=new'])
    expect(await committed(broker, 'g')).toEqual(['kept-0@1'])
    expect(await epochEnd(broker, 't', 0)).toMatchObject({ leaderEpoch: 0, endOffset: 1 })
  }
  await owner.close()
  const next = await world.own()
  expect(next.recovery).toEqual([])
  expect(await readAll(next, 't')).toEqual(['0=new'])
  expect(await readAll(next, 'kept')).toEqual(['0=kept'])
})

testOwners(
  'deleting, creating and sending at once ends in one of the orders, and loses nothing that was acknowledged',
  async (world) => {
    const owner = await world.own()
    for (let round = 0; round < 5; round++) {
      await create(owner, 't', 1)
      if (round % 2 === 0) await send(owner, 't', 'old')
      const answers = await Promise.allSettled([
        send(owner, 't', `before ${round}`),
        owner.deleteTopics({ topics: ['t'] }),
        create(owner, 't', 1),
        send(owner, 't', `during ${round}`),
      ])
      expect(answers[1]?.status).toBe('fulfilled')
      expect(answers[2]?.status).toBe('fulfilled')
      for (const answer of answers) if (answer.status === 'rejected') expect(answer.reason.code).toBe('UNKNOWN_TOPIC')
      const offset = await send(owner, 't', `after ${round}`)
      expect((await readAll(owner, 't')).at(-1)).toBe(`${offset}=after ${round}`)
      await owner.deleteTopics({ topics: ['t'] })
    }
    await owner.close()
    const next = await world.own()
    expect(next.recovery).toEqual([])
    expect(await topicsOf(next)).toEqual([])
  },
)

test('a deletion that the disk interrupts is finished before the name is given away again', async () => {
  const environment = new MemoryEnvironment()
  const world = createWorld(environment)
  const owner = await world.own()
  await create(owner, 't')
  await send(owner, 't', 'old')
  environment.failNext('rename', { error: 'EIO', path: /t-0/ })
  await expect(owner.deleteTopics({ topics: ['t'] })).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
  expect(await topicsOf(owner)).toEqual([])
  expect(environment.files.list(PATH)).toContain('t-0')
  await create(owner, 't')
  expect(await send(owner, 't', 'new')).toBe(0)
  expect(await readAll(owner, 't')).toEqual(['0=new'])
})

testOwners('new configs count from the next record on, for logs that were only read so far too', async (world) => {
  const first = await world.own()
  await create(first, 't')
  await send(first, 't', 'a')
  await first.close()
  const owner = await world.own()
  expect(await readAll(owner, 't')).toEqual(['0=a'])
  await owner.incrementalAlterConfigs({ topic: 't', configs: { 'compression.type': 'gzip' } })
  await send(owner, 't', 'b')
  expect(batchesOf(await fetch(owner, 't', { offset: 1 }))[0]?.codec).toBe('gzip')
  await owner.incrementalAlterConfigs({ topic: 't', configs: { 'max.message.bytes': '100', 'compression.type': null } })
  expect((await produce(owner, 't', 'x'.repeat(200))).error?.code).toBe('MESSAGE_TOO_LARGE')
  await owner.incrementalAlterConfigs({ topic: 't', configs: { 'max.message.bytes': null, 'flush.messages': '1000' } })
  expect(await produce(owner, 't', 'x'.repeat(200))).toMatchObject({ error: null, survives: 'process-crash' })
  await owner.incrementalAlterConfigs({ topic: 't', configs: { 'flush.messages': '1' } })
  expect(await produce(owner, 't', 'x')).toMatchObject({ error: null, survives: 'power-loss' })
  const refused = owner.incrementalAlterConfigs({ topic: 't', configs: { 'segment.ms': '0' } })
  await expect(refused).rejects.toMatchObject({ code: 'INVALID_CONFIG' })
  await expect(owner.incrementalAlterConfigs({ topic: 'nothing', configs: {} })).rejects.toMatchObject({
    code: 'UNKNOWN_TOPIC',
  })
})

testOwners('a follower sees topics come, grow and go as it looks, without reading anything twice', async (world) => {
  const owner = await world.own()
  const follower = world.follow()
  expect(await topicsOf(follower)).toEqual([])
  await create(owner, 't')
  expect(await topicsOf(follower)).toEqual(['t/1'])
  expect(await offsetAt(follower, 't', 'latest')).toMatchObject({ error: null, offset: 0 })
  await send(owner, 't', 'a')
  expect(valuesOf(await fetch(follower, 't'))).toEqual(['0=a'])
  await owner.createPartitions({ topic: 't', totalCount: 2 })
  await send(owner, 't', 'b', 1)
  expect(valuesOf(await fetch(follower, 't', { partition: 1 }))).toEqual(['0=b'])
  await owner.deleteTopics({ topics: ['t'] })
  expect(await topicsOf(follower)).toEqual([])
  expect((await fetch(follower, 't')).error?.code).toBe('UNKNOWN_TOPIC')
})

testOwners('whoever watches hears which topics changed, once each, until it has enough', async (world) => {
  const owner = await world.own()
  const heard: (readonly string[] | null)[] = []
  const stop = owner.onTopicsChanged((names) => heard.push(names))
  await create(owner, 't')
  await owner.createPartitions({ topic: 't', totalCount: 2 })
  await owner.incrementalAlterConfigs({ topic: 't', configs: { 'retention.ms': '1' } })
  await owner.deleteTopics({ topics: ['t'] })
  expect(heard).toEqual([['t'], ['t'], ['t'], ['t']])
  stop()
  await create(owner, 'u')
  expect(heard.length).toBe(4)
  const follower = world.follow()
  follower.onTopicsChanged((names) => heard.push(names))
  await fetch(follower, 'u')
  await create(owner, 'v')
  await fetch(follower, 'u')
  expect(heard.slice(4)).toEqual([null])
})
