import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { expect, onTestFinished, test } from 'vitest'
import type { TopicPartition } from '../../../sdk/broker/broker.ts'
import type { ConsumeOptions } from '../../../sdk/client/consume-options.ts'
import { TidemarkError } from '../../../sdk/errors.ts'
import { createClient, turns, until } from './support/create-client.ts'

const place = (partition: number): TopicPartition => ({ topic: 't', partition })

/** A loop over a topic of three partitions with five records each. */
function createMember(options: Partial<ConsumeOptions> = {}) {
  const client = createClient()
  const { broker } = client
  broker.addTopic('t', 3)
  for (let partition = 0; partition < 3; partition++) broker.append('t', partition, ['0', '1', '2', '3', '4'])
  const consumer = client.topic().consume({ group: 'g', ...options })
  const loop = consumer[Symbol.asyncIterator]()
  const beats = () => broker.seen('consumerGroupHeartbeat')
  /** Takes records until one of this partition comes. */
  const takeFrom = async (partition: number) => {
    for (;;) {
      const { value } = await loop.next()
      if (value!.partition === partition) return value!
    }
  }
  return { ...client, consumer, loop, beats, takeFrom, memberId: () => beats()[0]!.memberId }
}

test('it joins at the first next(), with an id of its own, epoch 0, its topics and nothing owned', async () => {
  const { beats, loop } = createMember({ rebalanceTimeoutMs: 60_000, assignor: 'range' })
  await turns(2)
  expect(beats()).toEqual([])
  await loop.next()
  expect(beats()[0]).toMatchObject({
    group: 'g',
    memberEpoch: 0,
    rebalanceTimeoutMs: 60_000,
    subscribedTopicNames: ['t'],
    owned: [],
  })
  expect(beats()[0]).toMatchObject({ serverAssignor: 'range', instanceId: null })
  expect(beats()[0]!.memberId).toMatch(/^[\w-]{22}$/)
})

test('it reports at once what it got, then beats by the interval answered, saying only what changed', async () => {
  const { beats, environment, loop } = createMember()
  await loop.next()
  await turns(2)
  expect(beats().length).toBe(2)
  expect(beats()[1]).toMatchObject({
    memberEpoch: 1,
    owned: [place(0), place(1), place(2)],
    subscribedTopicNames: null,
    rebalanceTimeoutMs: -1,
  })
  environment.advance(4_999)
  expect(beats().length).toBe(2)
  environment.advance(1)
  expect(beats().length).toBe(3)
  expect(beats()[2]).toMatchObject({ owned: null, subscribedTopicNames: null })
})

test('a member that gets nothing reports that too', async () => {
  const { beats, broker, loop } = createMember()
  broker.override('consumerGroupHeartbeat', async (request, usual) => ({
    ...(await usual()),
    ...(request.memberEpoch === 0 ? { assignment: [] } : {}),
  }))
  void loop.next()
  await turns(3)
  expect(beats()[1]).toMatchObject({ memberEpoch: 1, owned: [] })
  expect(beats().length).toBe(2)
})

test('heartbeats go on while a body runs, however long', async () => {
  const { beats, environment, loop } = createMember()
  await loop.next()
  await turns(2)
  const before = beats().length
  for (let n = 0; n < 100; n++) {
    environment.advance(5_000)
    await turns(1)
  }
  expect(beats().length).toBe(before + 100)
})

test('what is taken away is given up only when the body in hand is done: committed first, then reported', async () => {
  const { beats, broker, environment, loop, takeFrom, memberId } = createMember()
  await takeFrom(1)
  broker.assign(memberId(), [place(0), place(2)])
  environment.advance(5_000)
  await turns(5)
  expect(beats().at(-1)!.owned).toBeNull()
  const { value } = await loop.next()
  expect(value!.partition).not.toBe(1)
  await until('it was reported', () => beats().at(-1)!.owned !== null)
  expect(beats().at(-1)!.owned).toEqual([place(0), place(2)])
  expect(broker.committed('t', 1)).toBe(1)
  const order = broker.requests.map(({ name }) => name)
  expect(order.lastIndexOf('offsetCommit')).toBeLessThan(order.lastIndexOf('consumerGroupHeartbeat'))
  const rest = [value!.partition]
  while (rest.length < 5) rest.push((await loop.next()).value!.partition)
  expect(rest).not.toContain(1)
})

test('what is taken away while the loop waits is given up at once', async () => {
  const { beats, broker, environment, loop, memberId } = createMember()
  for (let n = 0; n < 15; n++) await loop.next()
  void loop.next()
  await turns(3)
  broker.assign(memberId(), [place(0)])
  environment.advance(5_000)
  await until('it was reported', () => beats().at(-1)!.owned?.length === 1)
})

test('a record done() early does not hold up giving its partition away', async () => {
  const { beats, broker, environment, takeFrom, memberId } = createMember()
  const record = await takeFrom(0)
  record.done()
  broker.assign(memberId(), [place(1)])
  environment.advance(5_000)
  await until('it was reported', () => beats().at(-1)!.owned?.length === 1)
  expect(broker.committed('t', 0)).toBe(record.offset + 1)
  expect(record.signal.aborted).toBe(false)
})

test('after the rebalance timeout a body in hand has lost its partition: signalled, not committed; the rest goes on', async () => {
  const { beats, broker, environment, loop, takeFrom, memberId } = createMember({ rebalanceTimeoutMs: 20_000 })
  const lost: unknown[] = []
  const listener = (event: unknown) => void lost.push(event)
  subscribe('tidemark:partitions.lost', listener)
  onTestFinished(() => void unsubscribe('tidemark:partitions.lost', listener))
  const record = await takeFrom(1)
  const { signal } = record
  broker.assign(memberId(), [place(0)])
  environment.advance(5_000)
  await turns(3)
  environment.advance(19_000)
  await turns(3)
  expect(signal.aborted).toBe(false)
  environment.advance(1_000)
  await turns(3)
  expect(signal.aborted).toBe(true)
  expect(lost).toEqual([{ group: 'g', memberId: memberId(), partitions: [place(1)] }])
  record.done()
  await until('the rest was reported', () => beats().at(-1)!.owned?.length === 1 || beats().at(-2)!.owned?.length === 1)
  expect(broker.committed('t', 1)).toBeUndefined()
  broker.append('t', 0, ['5'])
  expect((await loop.next()).value!.partition).toBe(0)
})

test('new partitions start at their commit, and what stays is neither read again nor skipped', async () => {
  const { broker, environment, loop, memberId } = createMember()
  broker.override('consumerGroupHeartbeat', async (request, usual) => {
    const answer = await usual()
    return request.memberEpoch === 0 ? { ...answer, assignment: [place(0)] } : answer
  })
  const seen = [(await loop.next()).value!.id, (await loop.next()).value!.id]
  broker.restore('consumerGroupHeartbeat')
  broker.commits.set('t-1', { ...place(1), offset: 3, leaderEpoch: 0, metadata: '' })
  broker.assign(memberId(), [place(0), place(1)])
  environment.advance(5_000)
  await turns(3)
  while (seen.length < 7) seen.push((await loop.next()).value!.id)
  expect(seen.sort()).toEqual(['t-0@0', 't-0@1', 't-0@2', 't-0@3', 't-0@4', 't-1@3', 't-1@4'])
})

for (const code of ['UNKNOWN_MEMBER_ID', 'FENCED_MEMBER_EPOCH'] as const) {
  test(`${code}: everything is lost without a commit, and the same id joins again at once`, async () => {
    const { beats, broker, environment, loop } = createMember()
    const { value: record } = await loop.next()
    const { signal } = record!
    const joined = beats().length
    broker.override('consumerGroupHeartbeat', async () => {
      broker.restore('consumerGroupHeartbeat')
      throw new TidemarkError(code)
    })
    environment.advance(5_000)
    await until(
      'it joined again',
      () => beats().length > joined + 1 && beats().some(({ memberEpoch }, at) => at >= joined && memberEpoch === 0),
    )
    expect(
      beats()
        .filter(({ memberEpoch }) => memberEpoch === 0)
        .map(({ memberId, owned }) => ({ memberId, owned })),
    ).toEqual([
      { memberId: beats()[0]!.memberId, owned: [] },
      { memberId: beats()[0]!.memberId, owned: [] },
    ])
    expect(signal.aborted).toBe(true)
    expect(broker.seen('offsetCommit')).toEqual([])
    // It starts again from the commits: the record in hand, which did not count, comes again.
    const again = []
    while (again.length < 15) again.push((await loop.next()).value!.id)
    expect(again).toContain(record!.id)
  })
}

test('failures that may pass are tried again with growing pauses, and everything is said again', async () => {
  const { beats, broker, environment, loop } = createMember()
  await loop.next()
  await turns(2)
  const before = beats().length
  broker.override('consumerGroupHeartbeat', async () => {
    throw new TidemarkError('COORDINATOR_NOT_AVAILABLE')
  })
  environment.advance(5_000)
  for (const pause of [100, 200, 400]) {
    await turns(1)
    environment.advance(pause - 1)
    await turns(1)
    const count = beats().length
    environment.advance(1)
    expect(beats().length).toBe(count + 1)
  }
  expect(beats().length).toBe(before + 4)
  broker.restore('consumerGroupHeartbeat')
  await turns(1)
  environment.advance(800)
  await turns(1)
  expect(beats().at(-1)).toMatchObject({
    memberEpoch: 1,
    subscribedTopicNames: ['t'],
    owned: [place(0), place(1), place(2)],
  })
  const told = beats().length
  environment.advance(5_000)
  await turns(1)
  expect(beats().length).toBe(told + 1)
  expect(beats().at(-1)!.owned).toBeNull()
})

test('a group that will not have the member ends the loop with its reason', async () => {
  const { broker, loop } = createMember({ instanceId: 'one' })
  broker.override('consumerGroupHeartbeat', async () => {
    throw new TidemarkError('UNRELEASED_INSTANCE_ID')
  })
  await expect(loop.next()).rejects.toMatchObject({ code: 'UNRELEASED_INSTANCE_ID' })
  expect((await loop.next()).done).toBe(true)
})

test('leaving says so after the last commit, and gives everything up', async () => {
  const { beats, broker, consumer, loop, takeFrom } = createMember()
  await takeFrom(0)
  await loop.next()
  await consumer.close()
  expect(beats().at(-1)).toMatchObject({ memberEpoch: -1, owned: [], subscribedTopicNames: [] })
  expect(broker.requests.at(-1)!.name).toBe('consumerGroupHeartbeat')
  expect(broker.requests.at(-2)!.name).toBe('offsetCommit')
})

test('a static member says its instance id in every heartbeat and leaves only for a while', async () => {
  const { beats, consumer, environment, loop } = createMember({ instanceId: 'one' })
  await loop.next()
  environment.advance(5_000)
  await turns(2)
  await consumer.close()
  expect(new Set(beats().map(({ instanceId }) => instanceId))).toEqual(new Set(['one']))
  expect(beats().at(-1)!.memberEpoch).toBe(-2)
})

test('closing before it has joined leaves nothing behind', async () => {
  const { beats, broker, consumer, loop } = createMember()
  let answer = () => {}
  broker.override('consumerGroupHeartbeat', async (_, usual) => {
    await new Promise<void>((resolve) => {
      answer = resolve
    })
    broker.restore('consumerGroupHeartbeat')
    return await usual()
  })
  const next = loop.next()
  await until('it joins', () => beats().length === 1)
  const closing = consumer.close()
  await turns(2)
  answer()
  await closing
  expect((await next).done).toBe(true)
  expect(beats().at(-1)!.memberEpoch).toBe(-1)
  expect(broker.members.size).toBe(0)
})

test('a target that changes while a body is in hand is followed from where it stands then', async () => {
  const { beats, broker, environment, loop, takeFrom, memberId } = createMember()
  await takeFrom(0)
  broker.assign(memberId(), [place(1), place(2)])
  environment.advance(5_000)
  await turns(2)
  broker.assign(memberId(), [place(2)], 2)
  environment.advance(5_000)
  await turns(2)
  const { value } = await loop.next()
  await until('it was reported', () => beats().at(-1)!.owned?.length === 1)
  expect(value!.partition).not.toBe(0)
  expect(beats().at(-1)).toMatchObject({ memberEpoch: 2, owned: [place(2)] })
})

test('an assignment that is only repeated is not reported again', async () => {
  const { beats, broker, environment, loop, memberId } = createMember()
  await loop.next()
  await turns(2)
  const before = beats().length
  broker.assign(memberId(), [place(2), place(1), place(0)])
  environment.advance(5_000)
  await turns(5)
  expect(beats().length).toBe(before + 1)
})
