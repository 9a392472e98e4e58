import { expect, test } from 'vitest'
import { type LagRow, readLag } from '../../../sdk/client/lag.ts'
import { createClient, type TestClient } from './support/create-client.ts'

/** A log that holds 3 to 9; the group is at `committed`, which is nothing for −1. */
function createLog(committed: number): TestClient {
  const client = createClient()
  const { broker } = client
  broker.addTopic('t')
  for (let offset = 0; offset < 10; offset++) broker.append('t', 0, [`value ${offset}`])
  broker.partition('t', 0).start = 3
  if (committed >= 0) {
    broker.commits.set('t-0', { topic: 't', partition: 0, offset: committed, leaderEpoch: 0, metadata: '' })
  } else {
    broker.members.set('m', { epoch: 1, assignment: [{ topic: 't', partition: 0 }], isNews: false })
  }
  return client
}

async function rowOf({ context }: TestClient): Promise<LagRow> {
  const [row] = await readLag(context, { group: 'g' })
  return row!
}

/** [committed, state, lag, records that wait] */
test.each([
  [5, 'behind', 5, 5],
  [10, 'up-to-date', 0, 0],
  [3, 'behind', 7, 7],
  [2, 'lost', 8, 7],
  [11, 'past-the-end', -1, 0],
  [-1, 'never-committed', null, 7],
] as const)('committed %s in a log from 3 to 10: %s', async (committed, lagState, lag, lagRecords) => {
  const row = await rowOf(createLog(committed))
  expect(row).toMatchObject({ lagState, lag, lagRecords, logStartOffset: 3, logEndOffset: 10, reason: null })
})

test('where records cannot be counted, the distance is the most it can be', async () => {
  const client = createLog(5)
  client.broker.override('countRecords', async ({ partitions }) => ({
    partitions: partitions.map(({ topic, partition }) => ({ topic, partition, error: null, records: null })),
  }))
  expect(await rowOf(client)).toMatchObject({ lagState: 'behind', lag: 5, lagRecords: null })
})

test('a log that cannot be read is unavailable, with the reason, and no number', async () => {
  const client = createLog(5)
  client.broker.override('listOffsets', async ({ partitions }) => ({
    partitions: partitions.map(({ topic, partition }) => {
      const error = { code: 'STORAGE_ERROR' as const, message: 'The disk failed.' }
      return { topic, partition, error, offset: -1, timestampMs: -1, leaderEpoch: -1 }
    }),
  }))
  expect(await rowOf(client)).toMatchObject({
    lagState: 'unavailable',
    reason: 'The disk failed',
    committedOffset: 5,
    lag: null,
    lagRecords: null,
    logStartOffset: null,
    logEndOffset: null,
  })
})

test('a topic that is gone has no number either', async () => {
  const client = createLog(5)
  client.broker.topics.delete('t')
  expect(await rowOf(client)).toMatchObject({
    lagState: 'topic-deleted',
    committedOffset: 5,
    lag: null,
    lagRecords: null,
  })
})

test('all groups are asked for at once, since a busy owner takes a turn for each question that waits for another', async () => {
  const { broker, context } = createLog(5)
  const groups = ['a', 'b', 'c'].map((group) => ({
    group,
    type: 'consumer' as const,
    protocolType: 'consumer',
    state: 'Stable' as const,
  }))
  broker.override('listGroups', async () => ({ groups }))
  const allAsked = Promise.withResolvers<void>()
  broker.override('offsetFetch', async (_, usual) => {
    if (broker.seen('offsetFetch').length === groups.length) allAsked.resolve()
    await allAsked.promise
    return await usual()
  })
  expect((await readLag(context)).map(({ group }) => group)).toEqual(['a', 'b', 'c'])
})
