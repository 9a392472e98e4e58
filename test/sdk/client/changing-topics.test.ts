/** Topics that grow, go and come back under programs that use them. No time passes: nothing of it waits for a timer. */
import { expect, onTestFinished, test } from 'vitest'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { type Consumer, open, string, type Topic, type TopicRecord } from '../../../sdk/index.ts'
import { createClient, turns, until } from './support/create-client.ts'

type Text = TopicRecord<string, string | null, string>

async function createTide() {
  const environment = new MemoryEnvironment({ clock: 'manual' })
  const tide = await open('memory:', { environment })
  onTestFinished(() => tide.close().catch(() => {}))
  const topic = (name = 't'): Topic<string, string | null, string> => tide.topic(name, { value: string })
  return { environment, tide, topic }
}

/** Collects until it ends; `ended` is its error, or 'quietly'. */
function collect(loop: AsyncIterable<Text>) {
  const values: string[] = []
  let ended: unknown
  const run = (async () => {
    for await (const { value } of loop) values.push(value)
    ended = 'quietly'
  })().catch((error: unknown) => {
    ended = error
  })
  return { values, run, ended: () => ended }
}

const send = (topic: Topic<string, string | null, string>, value: string, partition = 0) =>
  topic.send({ value, partition })

test('handles, groups and readers use added partitions at once', async () => {
  const { tide, topic } = await createTide()
  const t = topic()
  await send(t, 'old')
  const group = collect(t.consume({ group: 'g' }))
  const reader = collect(t.read())
  const latest = collect(t.read({ from: 'latest' }))
  const only = collect(t.read({ partitions: [0] }))
  await until('they read', () => group.values.length === 1 && reader.values.length === 1 && only.values.length === 1)
  await turns()
  await tide.topics.addPartitions('t', 3)
  await send(t, 'new', 2)
  await until('they read on', () => [group, reader, latest].every(({ values }) => values.at(-1) === 'new'))
  expect([group.values, reader.values, latest.values]).toEqual([['old', 'new'], ['old', 'new'], ['new']])
  expect(only.values).toEqual(['old'])
})

test('a handle that declares how many partitions it has survives that they become more', async () => {
  const { tide } = await createTide()
  const t = tide.topic('t', { partitions: 1 })
  await t.send({ value: Buffer.from('x') })
  await tide.topics.addPartitions('t', 2)
  expect(await t.send({ value: Buffer.from('x'), partition: 1 })).toMatchObject({ partition: 1, offset: 0 })
})

test('members of a group share added partitions at once', async () => {
  const { tide, topic } = await createTide()
  const t = topic()
  await t.ensure()
  const consumers = [t.consume({ group: 'g' }), t.consume({ group: 'g' })] as Consumer<Text>[]
  for (const consumer of consumers) collect(consumer)
  const owned = () => consumers.map(({ assignment }) => assignment.length).sort()
  await until('one has it', () => owned().join() === '0,1')
  await tide.topics.addPartitions('t', 4)
  await until('each has two', () => owned().join() === '2,2')
})

test('a loop over a topic that is deleted ends with an error that says so, and its body hears of it', async () => {
  const { environment, tide, topic } = await createTide()
  const t = topic()
  await send(t, '0')
  await send(t, '1')
  const aborted: boolean[] = []
  const run = (async () => {
    for await (const record of t.consume({ group: 'g' })) {
      if (record.offset === 1) {
        const { signal } = record
        await tide.topics.delete('t')
        await until('it aborts', () => signal.aborted)
      }
      aborted.push(record.signal.aborted)
    }
  })()
  await expect(run).rejects.toMatchObject({
    code: 'UNKNOWN_TOPIC',
    message: 'Topic "t" was deleted while group "g" consumed it. Nothing is left to consume.',
  })
  expect(aborted).toEqual([false, true])
  expect(environment.warnings).toEqual([])
  expect((await tide.groups.describe('g')).members).toEqual([])
})

test('a loop over an empty topic, and one that reads, end when the topic is deleted', async () => {
  const { tide, topic } = await createTide()
  const t = topic()
  await t.ensure()
  const loops = [collect(t.consume({ group: 'g' })), collect(t.read())]
  await turns()
  await tide.topics.delete('t')
  for (const { run, ended } of loops) {
    await run
    expect(ended()).toMatchObject({ code: 'UNKNOWN_TOPIC', message: expect.stringContaining('"t" was deleted') })
  }
})

test('of several topics one goes and comes back as another: the others go on, and the new one begins anew', async () => {
  const { environment, tide, topic } = await createTide()
  const [a, b] = [topic('a'), topic('b')]
  for (const value of ['1', '2', '3']) await send(a, `a${value}`)
  await send(b, 'b1')
  const loop = collect(tide.consume([a, b], { group: 'g' }))
  await until('all are read', () => loop.values.length === 4)
  await tide.topics.delete('a')
  await send(b, 'b2')
  await until('b goes on', () => loop.values.at(-1) === 'b2')
  expect(environment.warnings).toEqual([
    {
      code: 'TIDEMARK_TOPIC_DELETED',
      message: 'Topic "a" was deleted while group "g" consumed it; the group goes on with its other topics.',
    },
  ])
  await send(a, 'anew')
  await until('it is read', () => loop.values.at(-1) === 'anew')
  await tide.close()
  expect(loop.ended()).toBe('quietly')
  expect(environment.warnings.length).toBe(1)
})

test('what a group committed in a topic that was deleted and created anew does not count', async () => {
  const { tide, topic } = await createTide()
  const t = topic()
  for (const value of ['0', '1', '2']) await send(t, value)
  await collect(t.consume({ group: 'g', follow: false })).run
  await tide.topics.delete('t')
  for (const value of ['a', 'b', 'c', 'd']) await send(t, value)
  const again = collect(t.consume({ group: 'g', follow: false }))
  await again.run
  expect(again.values).toEqual(['a', 'b', 'c', 'd'])
  expect(await tide.groups.offsets('g')).toMatchObject([{ topic: 't', partition: 0, offset: 4 }])
})

test('where nobody says that a topic is another one by now, it shows at the offsets that it does not have', async () => {
  const { broker, environment, topic, context } = createClient()
  broker.addTopic('t')
  broker.addTopic('other')
  broker.append('t', 0, ['0', '1', '2'])
  const [t, other] = [topic('t'), topic('other')]
  const { Consumer } = await import('../../../sdk/client/consumer.ts')
  const loop = collect(new Consumer<Text>(context, [t, other], { group: 'g' }))
  await until('it is read', () => loop.values.length === 3)
  broker.addTopic('t')
  broker.override('metadata', async (_, usual) => {
    const answer = await usual()
    return { ...answer, topics: answer.topics.map((each) => ({ ...each, topicId: each.topicId.replace(/^t/, 'X') })) }
  })
  broker.append('t', 0, ['anew'])
  await until('it is told', () => environment.warnings.length > 0)
  expect(environment.warnings).toMatchObject([{ code: 'TIDEMARK_TOPIC_DELETED' }])
  expect(environment.warnings[0]!.message).toContain('created anew')
  broker.commits.clear()
  const [memberId] = [...broker.members.keys()]
  broker.assign(
    memberId!,
    ['t', 'other'].map((name) => ({ topic: name, partition: 0 })),
  )
  environment.advance(5_000)
  await until('the new one is read', () => loop.values.at(-1) === 'anew')
  expect(loop.ended()).toBeUndefined()
})

test('sends create a topic anew that was deleted, and a sendAll under way goes on into the new one', async () => {
  const { tide, topic } = await createTide()
  const t = topic()
  await send(t, 'old')
  async function* source() {
    for (let n = 0; n < 3; n++) yield { value: `${n}` }
    await turns()
    await tide.topics.delete('t')
    yield { value: 'anew' }
  }
  await t.sendAll(source())
  expect(await send(t, 'more')).toMatchObject({ offset: 1 })
  const read = collect(t.read({ follow: false }))
  await read.run
  expect(read.values).toEqual(['anew', 'more'])
})

test('a send to a deleted topic fails where it must not be created', async () => {
  const { tide } = await createTide()
  await tide.topics.create('t')
  const t = tide.topic('t', { value: string, create: 'never' })
  await t.send({ value: 'x' })
  await tide.topics.delete('t')
  await expect(t.send({ value: 'x' })).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC' })
})

test('whoever only follows the directory reads added partitions, and hears that the topic is gone', async () => {
  const environment = new MemoryEnvironment({ clock: 'manual' })
  const tide = await open('memory:', { environment })
  onTestFinished(() => tide.close().catch(() => {}))
  const t = tide.topic('t', { value: string })
  await t.send({ value: 'old' })
  await using follower = await open('memory:', { environment, readOnly: true })
  const loop = collect(follower.topic('t', { value: string }).read())
  const look = async (what: string, isSo: () => boolean) => {
    for (let step = 0; step < 100 && !isSo(); step++) {
      environment.advance(50)
      await turns(1)
    }
    expect(isSo(), what).toBe(true)
  }
  await look('it reads', () => loop.values.length === 1)
  await tide.topics.addPartitions('t', 2)
  await t.send({ value: 'new', partition: 1 })
  await look('it reads on', () => loop.values.at(-1) === 'new')
  await tide.topics.delete('t')
  await look('it ends', () => loop.ended() !== undefined)
  expect(loop.ended()).toMatchObject({ code: 'UNKNOWN_TOPIC', message: expect.stringContaining('was deleted') })
})
