import { expect, test } from 'vitest'
import type { OffsetCommitRequest, OffsetCommitResponse } from '../../../sdk/broker/broker.ts'
import type { CommitOptions } from '../../../sdk/client/committer.ts'
import { TidemarkError } from '../../../sdk/errors.ts'
import { createClient, turns, until } from './support/create-client.ts'

const NEVER = 1_000_000_000

/** A running loop over one topic, which takes a record whenever the test asks for one. */
async function createLoop(commit: CommitOptions | 'manual', records = 10, partitions = 1) {
  const client = createClient()
  client.broker.addTopic('t', partitions)
  for (let partition = 0; partition < partitions; partition++) {
    client.broker.append(
      't',
      partition,
      Array.from({ length: records }, (_, n) => `${n}`),
    )
  }
  const rules = commit === 'manual' ? commit : { everyRecords: NEVER, intervalMs: NEVER, idleMs: NEVER, ...commit }
  const consumer = client.topic().consume({ group: 'g', commit: rules })
  const loop = consumer[Symbol.asyncIterator]()
  const take = async (count: number) => {
    for (let n = 0; n < count; n++) await loop.next()
  }
  return { ...client, consumer, loop, take, offsets: () => commits(client.broker.seen('offsetCommit')) }
}

function commits(requests: readonly OffsetCommitRequest[]): number[][] {
  return requests.map(({ offsets }) => offsets.map(({ offset }) => offset))
}

test('by count: the commit is asked for before the next record is handed out', async () => {
  const { broker, loop, take, offsets } = await createLoop({ everyRecords: 3 })
  await take(3)
  expect(offsets()).toEqual([])
  void loop.next()
  expect(offsets()).toEqual([[3]])
  const [request] = broker.seen('offsetCommit')
  expect(request).toMatchObject({ group: 'g', survives: 'process-crash', memberEpoch: 1 })
  expect(request!.offsets[0]).toEqual({ topic: 't', partition: 0, offset: 3, leaderEpoch: 0, metadata: '' })
})

test('by count: an owner is asked at every due moment, however slow its answers are', async () => {
  const { broker, take, offsets } = await createLoop({ everyRecords: 1 })
  broker.override('offsetCommit', () => new Promise(() => {}))
  await take(5)
  expect(offsets()).toEqual([[1], [2], [3], [4]])
  broker.restore('offsetCommit')
})

test('a broker that answers later has one commit in flight; the next carries what is processed then', async () => {
  const { broker, take, offsets } = await createLoop({ everyRecords: 1 })
  broker.kind = 'cluster'
  const answers: (() => void)[] = []
  broker.override('offsetCommit', async (_, usual) => {
    await new Promise<void>((resolve) => answers.push(resolve))
    return await usual()
  })
  await take(5)
  expect(offsets()).toEqual([[1]])
  answers.shift()!()
  await turns(1)
  expect(offsets()).toEqual([[1], [4]])
  broker.restore('offsetCommit')
  answers.shift()!()
})

test('while the process next door has not written a commit, no record is handed out: no more come again than promised', async () => {
  for (const how of ['for await', 'batches'] as const) {
    const { broker, topic, offsets } = await createLoop({})
    broker.kind = 'neighbour'
    const consumer = topic().consume({ group: 'h', commit: { everyRecords: 3 } })
    const answers: (() => void)[] = []
    broker.override('offsetCommit', async (_, usual) => {
      await new Promise<void>((resolve) => answers.push(resolve))
      return await usual()
    })
    const source: AsyncIterable<unknown> = how === 'for await' ? consumer : consumer.batches({ maxRecords: 1 })
    const loop = source[Symbol.asyncIterator]()
    for (let n = 0; n < 3; n++) await loop.next()
    let isHandedOut = false
    const fourth = loop.next().then(() => {
      isHandedOut = true
    })
    await turns(5)
    expect([offsets(), isHandedOut], how).toEqual([[[3]], false])
    answers.shift()!()
    await fourth
    expect(offsets(), how).toEqual([[3]])
    broker.restore('offsetCommit')
  }
})

test('one commit carries every partition that moved', async () => {
  const { broker, consumer, take } = await createLoop({}, 3, 3)
  await take(9)
  await consumer.close()
  const requests = broker.seen('offsetCommit')
  expect(requests.length).toBe(1)
  expect(requests[0]!.offsets.map(({ offset }) => offset).sort()).toEqual([2, 3, 3])
})

test('by time: a real timer, from the first uncommitted record on', async () => {
  const { environment, take, offsets } = await createLoop({ intervalMs: 5_000 })
  await take(2)
  environment.advance(4_999)
  expect(offsets()).toEqual([])
  environment.advance(1)
  expect(offsets()).toEqual([[1]])
  environment.advance(60_000)
  expect(offsets()).toEqual([[1]])
  await take(1)
  environment.advance(5_000)
  expect(offsets()).toEqual([[1], [2]])
})

test('caught up: at once, then at most once a second', async () => {
  const { broker, environment, loop, offsets } = await createLoop({ idleMs: 1_000 }, 1)
  await loop.next()
  const next = loop.next()
  await until('the commit was asked for', () => offsets().length === 1)
  for (let n = 0; n < 3; n++) {
    broker.append('t', 0, ['more'])
    await turns(2)
    void loop.next()
    await turns(2)
    environment.advance(300)
  }
  expect(offsets()).toEqual([[1]])
  environment.advance(100)
  await turns(2)
  expect(offsets()).toEqual([[1], [4]])
  await next
})

test('not caught up: nothing is committed while records are waiting', async () => {
  const { take, offsets } = await createLoop({ idleMs: 0 }, 10)
  await take(9)
  await turns(3)
  expect(offsets()).toEqual([])
})

test('manual: nothing commits but commit(), which asks for what survives a power loss', async () => {
  const { broker, consumer, environment, take, loop, offsets } = await createLoop('manual')
  await take(4)
  environment.advance(100_000)
  expect(offsets()).toEqual([])
  await consumer.commit()
  expect(offsets()).toEqual([[3]])
  expect(broker.seen('offsetCommit')[0]?.survives).toBe('power-loss')
  await take(2)
  await loop.return?.()
  expect(offsets()).toEqual([[3]])
})

test('commit() says again, to survive a power loss, what was only committed to survive a crash', async () => {
  const { broker, consumer, take } = await createLoop({ everyRecords: 2 })
  await take(3)
  await turns(1)
  await consumer.commit()
  await consumer.commit()
  expect(broker.seen('offsetCommit').map(({ survives }) => survives)).toEqual(['process-crash', 'power-loss'])
})

test('close commits what moved, to survive a power loss, and nothing when nothing moved', async () => {
  const { broker, consumer, take, offsets } = await createLoop({})
  await take(3)
  await consumer.close()
  await consumer.close()
  expect(offsets()).toEqual([[2]])
  expect(broker.seen('offsetCommit')[0]?.survives).toBe('power-loss')
  const idle = await createLoop({})
  await idle.take(1)
  await idle.consumer.close()
  expect(idle.offsets()).toEqual([])
})

test('a refusal that may pass is retried later with what is processed then, without asking at every record', async () => {
  const { broker, environment, take, offsets } = await createLoop({ everyRecords: 5, intervalMs: 1_000 })
  broker.override('offsetCommit', async () => {
    throw new TidemarkError('COORDINATOR_NOT_AVAILABLE')
  })
  await take(2)
  environment.advance(1_000)
  await turns(1)
  await take(3)
  expect(offsets()).toEqual([[1]])
  broker.restore('offsetCommit')
  environment.advance(100)
  expect(offsets()).toEqual([[1], [4]])
  await turns(1)
  expect(broker.committed('t', 0)).toBe(4)
})

test('while a commit is refused, no more records are handed out than may come again, and they go on when it is taken', async () => {
  for (const kind of ['owner', 'neighbour'] as const) {
    const { broker, environment, loop, offsets } = await createLoop({ everyRecords: 3 })
    broker.kind = kind
    broker.override('offsetCommit', async () => {
      throw new TidemarkError('STALE_MEMBER_EPOCH')
    })
    const seen: number[] = []
    const read = async () => {
      for (let next = await loop.next(); next.done !== true; next = await loop.next()) seen.push(next.value.offset)
    }
    const reading = read()
    await until('the commit is refused', () => offsets().length > 0)
    await turns(20)
    expect(seen.length, kind).toBeLessThanOrEqual(kind === 'neighbour' ? 3 : 9)
    broker.restore('offsetCommit')
    environment.advance(200)
    await until('it goes on', () => seen.length === 10)
    await loop.return?.()
    await reading
  }
})

test('a refusal per partition takes back only that partition', async () => {
  const { broker, environment, consumer, take } = await createLoop({ everyRecords: NEVER, intervalMs: 1_000 }, 2, 2)
  await take(4)
  broker.override('offsetCommit', async ({ offsets }) => {
    broker.restore('offsetCommit')
    return { partitions: offsets.map(refuseFirst) }
  })
  environment.advance(1_000)
  await turns(1)
  environment.advance(100)
  await turns(1)
  const [first, second] = broker.seen('offsetCommit')
  expect(first!.offsets.length).toBe(2)
  expect(second!.offsets).toEqual([first!.offsets[0]])
  await consumer.close()
})

function refuseFirst(
  { topic, partition }: { topic: string; partition: number },
  index: number,
): OffsetCommitResponse['partitions'][number] {
  const error = { code: 'UNSTABLE_OFFSET_COMMIT' as const, message: 'wait' }
  return { topic, partition, error: index === 0 ? error : null }
}

test('an outdated epoch makes the member ask at once and commit again with the new one', async () => {
  const { broker, environment, take } = await createLoop({ everyRecords: 2 })
  await take(2)
  const { memberId } = broker.seen('consumerGroupHeartbeat')[0]!
  broker.override('offsetCommit', async (request, usual) => {
    if (request.memberEpoch < 9) throw new TidemarkError('STALE_MEMBER_EPOCH')
    return await usual()
  })
  broker.assign(memberId, [{ topic: 't', partition: 0 }], 9)
  await take(1)
  await turns(2)
  environment.advance(100)
  await turns(1)
  expect(broker.seen('offsetCommit').map(({ memberEpoch }) => memberEpoch)).toEqual([1, 9])
  expect(broker.committed('t', 0)).toBe(2)
})

test('a commit that fails for good is what the loop throws at its next record', async () => {
  const { broker, loop, take } = await createLoop({ everyRecords: 2 })
  broker.override('offsetCommit', async () => {
    throw new TidemarkError('STORAGE_ERROR', 'the disk is full')
  })
  await take(3)
  await turns(1)
  await expect(loop.next()).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
  expect(await loop.next()).toEqual({ done: true, value: undefined })
})

test('commit() tries again where that may help, and gives up after some attempts', async () => {
  const { broker, consumer, environment, take } = await createLoop('manual')
  await take(3)
  let refusals = 2
  broker.override('offsetCommit', async (_, usual) => {
    if (refusals-- > 0) throw new TidemarkError('COORDINATOR_NOT_AVAILABLE')
    return await usual()
  })
  const pushTime = async () => {
    for (let n = 0; n < 30; n++) {
      await turns(1)
      environment.advance(100)
    }
  }
  await Promise.all([consumer.commit(), pushTime()])
  expect(broker.committed('t', 0)).toBe(2)
  await take(1)
  refusals = 100
  const failing = expect(consumer.commit()).rejects.toMatchObject({ code: 'COORDINATOR_NOT_AVAILABLE' })
  await Promise.all([failing, pushTime()])
})

test('a group that starts elsewhere than at the earliest record remembers that place even if nothing is sent', async () => {
  const client = createClient()
  client.broker.addTopic('t')
  client.broker.append('t', 0, ['a', 'b'])
  const loop = client.topic().consume({ group: 'g', whenNew: 'latest' })[Symbol.asyncIterator]()
  const next = loop.next()
  await turns(5)
  client.environment.advance(5_000)
  expect(client.broker.committed('t', 0)).toBe(2)
  client.broker.append('t', 0, ['c'])
  expect((await next).value!.offset).toBe(2)
})
