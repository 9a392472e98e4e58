import { expect, onTestFinished, test } from 'vitest'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { open, type Tidemark } from '../../../sdk/index.ts'
import { turns } from './support/create-client.ts'

async function createTide(environment = new MemoryEnvironment()): Promise<Tidemark> {
  const tide = await open('memory:', { environment })
  onTestFinished(() => tide.close().catch(() => {}))
  return tide
}

const value = Buffer.from('x')

test('topics are created, listed, described, grown, configured and deleted', async () => {
  const { topics } = await createTide()
  const { topicId } = await topics.create('b', { partitions: 2, configs: { 'max.message.bytes': '5000' } })
  await topics.create('a')
  expect((await topics.list()).map(({ name }) => name)).toEqual(['a', 'b'])
  const described = await topics.describe('b')
  expect(described).toMatchObject({
    name: 'b',
    topicId,
    internal: false,
    partitions: [{ partition: 0 }, { partition: 1 }],
  })
  expect(described.configs).toContainEqual({ name: 'max.message.bytes', value: '5000', isDefault: false })
  await topics.addPartitions('b', 3)
  await topics.alterConfigs('b', { 'max.message.bytes': null, 'retention.ms': '1000' })
  const changed = await topics.describe('b')
  expect(changed.partitions.length).toBe(3)
  expect(changed.configs).toContainEqual({ name: 'max.message.bytes', value: '1048588', isDefault: true })
  await topics.delete('b', 'a')
  expect(await topics.list()).toEqual([])
})

test('topics say what is wrong', async () => {
  const { topics } = await createTide()
  await topics.create('a')
  await expect(topics.create('a')).rejects.toMatchObject({ code: 'TOPIC_EXISTS', topic: 'a' })
  await expect(topics.create('../a')).rejects.toMatchObject({ code: 'INVALID_TOPIC' })
  await expect(topics.create('b', { configs: { 'no.such': '1' } })).rejects.toMatchObject({ code: 'INVALID_CONFIG' })
  await expect(topics.describe('b')).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC', topic: 'b' })
  await expect(topics.addPartitions('a', 1)).rejects.toMatchObject({ code: 'INVALID_PARTITIONS' })
})

test('where one of several topics cannot be deleted, none is', async () => {
  const { topics } = await createTide()
  await topics.create('a')
  await topics.create('b')
  await expect(topics.delete('a', 'nope')).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC', topic: 'nope' })
  await expect(topics.delete('a', '__consumer_offsets')).rejects.toMatchObject({ code: 'INVALID_TOPIC' })
  expect((await topics.list()).map(({ name }) => name)).toEqual(['a', 'b'])
  await topics.delete('a', 'a')
  expect((await topics.list()).map(({ name }) => name)).toEqual(['b'])
})

test('where one of several groups cannot be deleted, none is', async () => {
  const tide = await createTide()
  await tide.topic('t').send({ value })
  await tide.groups.commit('left', [{ topic: 't', partition: 0, offset: 1 }])
  const loop = tide.topic('t').consume({ group: 'used' })[Symbol.asyncIterator]()
  await loop.next()
  await expect(tide.groups.delete('left', 'used')).rejects.toMatchObject({ code: 'NON_EMPTY_GROUP' })
  await expect(tide.groups.delete('left', 'nope')).rejects.toMatchObject({ code: 'GROUP_NOT_FOUND' })
  expect(await tide.groups.offsets('left')).toMatchObject([{ offset: 1 }])
  await loop.return?.()
  await tide.groups.delete('left', 'used', 'left')
  expect(await tide.groups.list()).toEqual([])
})

test("handles of Kafka's own topics read what is there, and neither create nor write", async () => {
  const tide = await createTide()
  const offsets = tide.topic('__consumer_offsets')
  const attempts = [
    () => offsets.ensure(),
    () => offsets.send({ value }),
    () => offsets.read({ follow: false })[Symbol.asyncIterator]().next(),
    () => tide.topics.create('__transaction_state'),
  ]
  for (const attempt of attempts) await expect(attempt()).rejects.toMatchObject({ code: 'INVALID_TOPIC' })
  expect(await tide.topics.list()).toEqual([])
  await tide.topic('t').send({ value })
  await tide.groups.commit('g', [{ topic: 't', partition: 0, offset: 1 }])
  let count = 0
  for await (const _ of offsets.read({ follow: false })) count++
  expect(count).toBe(1)
  await expect(offsets.send({ value })).rejects.toMatchObject({ code: 'INVALID_TOPIC' })
})

test('a group commits by hand, and what it committed can be read, looked up in time and forgotten', async () => {
  const tide = await createTide()
  await tide.topic('t', { partitions: 2 }).sendBatch([0, 1, 0].map((partition) => ({ value, partition })))
  await tide.groups.commit('g', [{ topic: 't', partition: 1, offset: 1, metadata: 'mine' }])
  await tide.groups.commit('g', [{ topic: 't', partition: 0, offset: 1, leaderEpoch: 0 }])
  await tide.groups.commit('g', [{ topic: 't', partition: 0, offset: 2 }])
  expect(await tide.groups.offsets('g')).toEqual([
    expect.objectContaining({ topic: 't', partition: 0, offset: 2, leaderEpoch: -1, metadata: '' }),
    expect.objectContaining({ topic: 't', partition: 1, offset: 1, leaderEpoch: -1, metadata: 'mine' }),
  ])
  const history = await tide.groups.history('g')
  expect(history.map(({ partition, entries }) => [partition, entries.map(({ offset }) => offset)])).toEqual([
    [0, [1, 2]],
    [1, [1]],
  ])
  expect((await tide.groups.history('g', { keepNewest: 1 }))[0]?.entries.length).toBe(1)
  expect(await tide.groups.history('g', { topic: 'other' })).toEqual([])
  expect((await tide.groups.list()).map(({ group }) => group)).toEqual(['g'])
  await tide.groups.delete('g')
  expect(await tide.groups.list()).toEqual([])
  await expect(tide.groups.describe('g')).rejects.toMatchObject({ code: 'GROUP_NOT_FOUND' })
})

test('a group with members does not let others commit, and says who is in it', async () => {
  const tide = await createTide()
  await tide.topic('t').send({ value })
  const loop = tide.topic('t').consume({ group: 'g' })[Symbol.asyncIterator]()
  await loop.next()
  await expect(tide.groups.commit('g', [{ topic: 't', partition: 0, offset: 0 }])).rejects.toMatchObject({
    code: 'UNKNOWN_MEMBER_ID',
  })
  await expect(tide.groups.delete('g')).rejects.toMatchObject({ code: 'NON_EMPTY_GROUP' })
  const description = await tide.groups.describe('g')
  expect(Object.keys(description)).not.toContain('error')
  const { members } = description
  expect(members).toMatchObject([{ clientId: 'tidemark', assignment: [{ topic: 't', partition: 0 }] }])
  await loop.return?.()
})

test('there is no history before there are commits', async () => {
  expect(await (await createTide()).groups.history('g')).toEqual([])
})

test('lag: a row per partition that is committed or held, in records that are really there', async () => {
  const tide = await createTide()
  const t = tide.topic('t', { partitions: 3 })
  await t.sendBatch([0, 0, 0, 0, 1].map((partition) => ({ value, partition })))
  const loop = t.consume({ group: 'held', limit: 100 })[Symbol.asyncIterator]()
  await loop.next()
  await tide.groups.commit('g', [{ topic: 't', partition: 0, offset: 1, leaderEpoch: 0, metadata: 'm' }])
  await tide.groups.commit('g', [{ topic: 't', partition: 1, offset: 5 }], { pastEnd: true })
  const rows = await tide.lag()
  expect(
    rows.map(({ group, partition, lagState, lag, lagRecords }) => [group, partition, lagState, lag, lagRecords]),
  ).toEqual([
    ['g', 0, 'behind', 3, 3],
    ['g', 1, 'past-the-end', -4, 0],
    ['held', 0, 'never-committed', null, 4],
    ['held', 1, 'never-committed', null, 1],
    ['held', 2, 'never-committed', null, 0],
  ])
  expect(rows[0]).toMatchObject({
    committedOffset: 1,
    leaderEpoch: 0,
    metadata: 'm',
    logStartOffset: 0,
    logEndOffset: 4,
    memberId: null,
    clientId: null,
    host: null,
  })
  expect(rows[0]?.committedAtMs).toBeGreaterThan(0)
  expect(rows[2]).toMatchObject({
    committedOffset: null,
    leaderEpoch: null,
    metadata: null,
    committedAtMs: null,
    clientId: 'tidemark',
    host: '/127.0.0.1',
  })
  expect(rows[2]?.memberId).toMatch(/^[\w-]{22}$/)
  expect(await tide.lag({ group: 'g' })).toEqual(rows.slice(0, 2))
  expect(await tide.lag({ group: 'nobody' })).toEqual([])
  await loop.return?.()
})

test('lag on a topic that is gone, or is another one now, is topic-deleted', async () => {
  const tide = await createTide()
  await tide.topic('t').send({ value })
  await tide.groups.commit('g', [{ topic: 't', partition: 0, offset: 1 }])
  const [row] = await tide.lag()
  expect(row).toMatchObject({ lagState: 'up-to-date', lag: 0, lagRecords: 0 })
  await tide.topics.delete('t')
  for (const after of await tide.lag())
    expect(after).toMatchObject({ lagState: 'topic-deleted', lag: null, logEndOffset: null })
})

test('watchLag yields now and whenever something changed, and ends with its signal', async () => {
  const environment = new MemoryEnvironment({ clock: 'manual' })
  const tide = await createTide(environment)
  const t = tide.topic('t')
  await t.send({ value })
  await tide.groups.commit('g', [{ topic: 't', partition: 0, offset: 0 }])
  const controller = new AbortController()
  const seen: (number | null | undefined)[] = []
  const watching = (async () => {
    for await (const rows of tide.watchLag({ group: 'g', signal: controller.signal })) seen.push(rows[0]?.lagRecords)
  })()
  for (let n = 0; n < 3; n++) {
    await turns(3)
    environment.advance(250)
  }
  expect(seen).toEqual([1])
  await t.send({ value })
  await turns(3)
  environment.advance(249)
  await turns(3)
  expect(seen).toEqual([1])
  environment.advance(1)
  await turns(3)
  expect(seen).toEqual([1, 2])
  controller.abort()
  await watching
})

test('closing the client ends a watch', async () => {
  const environment = new MemoryEnvironment({ clock: 'manual' })
  const tide = await createTide(environment)
  const watching = (async () => {
    for await (const _ of tide.watchLag());
  })()
  await turns(3)
  await tide.close()
  await watching
})
