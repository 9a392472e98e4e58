import { expect, test } from 'vitest'
import type { ConsumeOptions } from '../../../sdk/client/consume-options.ts'
import { createClient, turns } from './support/create-client.ts'

/** A topic with records 3 to 9 left of 0 to 9, one a batch, leader epoch 2. */
function createLog(options: Partial<ConsumeOptions> = {}, committed?: { offset: number; leaderEpoch: number }) {
  const client = createClient()
  const { broker } = client
  broker.addTopic('t')
  const log = broker.partition('t', 0)
  log.leaderEpoch = 2
  for (let n = 0; n < 10; n++)
    broker.append('t', 0, [{ key: null, value: Buffer.from(`${n}`), timestampMs: 1_000 + n }])
  log.batches.splice(0, 3)
  log.start = 3
  if (committed !== undefined) broker.commits.set('t-0', { topic: 't', partition: 0, metadata: '', ...committed })
  const loop = client
    .topic()
    .consume({ group: 'g', ...options })
    [Symbol.asyncIterator]()
  const first = async () => (await loop.next()).value!.offset
  return { ...client, log, loop, first }
}

test('without a commit: the earliest record, the end, a time, or an offset', async () => {
  expect(await createLog().first()).toBe(3)
  expect(await createLog({ whenNew: { timestampMs: 1_006 } }).first()).toBe(6)
  expect(await createLog({ whenNew: { offset: 5 } }).first()).toBe(5)
  for (const whenNew of ['latest', { timestampMs: 5_000 }] as const) {
    const { broker, first } = createLog({ whenNew })
    const found = first()
    await turns(3)
    broker.append('t', 0, ['new'])
    expect(await found).toBe(10)
  }
})

test('with a commit whenNew does not matter', async () => {
  expect(await createLog({ whenNew: 'latest' }, { offset: 7, leaderEpoch: 2 }).first()).toBe(7)
  expect(await createLog({ whenNew: 'latest' }, { offset: 7, leaderEpoch: -1 }).first()).toBe(7)
})

test('a commit for a topic that had this name before counts as none', async () => {
  const { broker, first } = createLog({}, { offset: 7, leaderEpoch: 2 })
  broker.override('offsetFetch', async (_, usual) => ({
    partitions: (await usual()).partitions.map((each) => ({ ...each, topicId: 'AAAAAAAAAAAAAAAAAAAAAA' })),
  }))
  expect(await first()).toBe(3)
})

test('a commit at the very end waits there', async () => {
  const { broker, first } = createLog({}, { offset: 10, leaderEpoch: 2 })
  const found = first()
  await turns(3)
  broker.append('t', 0, ['new'])
  expect(await found).toBe(10)
})

const below = { offset: 1, leaderEpoch: 2 }
const beyond = { offset: 15, leaderEpoch: -1 }
const cut = { offset: 15, leaderEpoch: 2 }
const otherHistory = { offset: 8, leaderEpoch: 9 }

const LOST = [
  {
    what: 'below the log’s start',
    committed: below,
    code: 'OFFSET_OUT_OF_RANGE',
    earliest: 3,
    words: ['offset 1', '1 to 2 are gone'],
  },
  {
    what: 'past the log’s end',
    committed: beyond,
    code: 'LOG_TRUNCATED',
    earliest: 3,
    words: ['offset 15', 'ends at offset 10'],
  },
  {
    what: 'on a log that was cut',
    committed: cut,
    code: 'LOG_TRUNCATED',
    earliest: 10,
    words: ['offset 15', 'cut at offset 10'],
  },
  {
    what: 'on another history',
    committed: otherHistory,
    code: 'LOG_TRUNCATED',
    earliest: 3,
    words: ['offset 8', 'epoch 9'],
  },
] as const

for (const { what, committed, code, earliest, words } of LOST) {
  test(`a position ${what}: thrown by default, with both offsets and the choices`, async () => {
    const { loop, broker } = createLog({}, committed)
    const error = await loop.next().catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code, topic: 't', partition: 0, offset: committed.offset })
    for (const word of [...words, `whenLost 'earliest' goes on at ${earliest}`, "'latest' at 10"])
      expect((error as Error).message).toContain(word)
    expect(broker.seen('offsetCommit')).toEqual([])
    expect(broker.members.size).toBe(0)
  })

  test(`a position ${what}: whenLost 'earliest' and 'latest' go on there, with a warning`, async () => {
    const again = createLog({ whenLost: 'earliest' }, committed)
    const first = again.first()
    await turns(5)
    if (earliest === 10) again.broker.append('t', 0, ['new'])
    expect(await first).toBe(earliest)
    expect(again.environment.warnings).toEqual([
      { code: 'TIDEMARK_POSITION_LOST', message: expect.stringContaining(`goes on at ${earliest}`) },
    ])
    const latest = createLog({ whenLost: 'latest' }, committed)
    const found = latest.first()
    await turns(5)
    latest.broker.append('t', 0, ['new'])
    expect(await found).toBe(10)
    latest.environment.advance(5_000)
    expect(latest.broker.committed('t', 0)).toBe(10)
  })
}

test('records that vanish while a loop runs: the same rules, after what was fetched before is handed out', async () => {
  const { broker, environment, log, loop } = createLog({ whenLost: 'earliest' })
  broker.override('fetch', async ({ partitions }, usual) => {
    if (partitions[0]!.fetchOffset !== 3) return await usual()
    const answer = await usual()
    // Retention comes along while the first three are handed out.
    log.batches.splice(0, 6)
    log.start = 9
    return {
      partitions: answer.partitions.map((each) => ({
        ...each,
        records: each.records.subarray(0, each.records.length * (3 / 7)),
      })),
    }
  })
  const offsets = []
  while (offsets.at(-1) !== 9) offsets.push((await loop.next()).value!.offset)
  expect(offsets).toEqual([3, 4, 5, 9])
  expect(environment.warnings).toEqual([
    { code: 'TIDEMARK_POSITION_LOST', message: expect.stringContaining('is at offset 6 of t-0') },
  ])
  await loop.return?.()
  expect(broker.committed('t', 0)).toBe(9)
})

test('records that vanish while a loop runs are thrown by default, after those before were committed', async () => {
  const { broker, log, first, loop } = createLog({ maxBufferedBytes: 100 })
  expect(await first()).toBe(3)
  log.batches.splice(0, 6)
  log.start = 9
  const run = async () => {
    for (;;) await loop.next()
  }
  await expect(run()).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' })
  expect(broker.committed('t', 0)).toBeGreaterThanOrEqual(4)
})

test('read_committed: a commit behind an open transaction is not lost', async () => {
  const { broker, first } = createLog({ isolation: 'read_committed' }, { offset: 9, leaderEpoch: 2 })
  broker.override('listOffsets', async ({ isolation }, usual) => {
    const { partitions } = await usual()
    return { partitions: partitions.map((each) => (isolation === 'read_committed' ? { ...each, offset: 5 } : each)) }
  })
  expect(await first()).toBe(9)
})

test('a group offset that is not stable yet is waited for', async () => {
  const { broker, environment, first } = createLog({}, { offset: 7, leaderEpoch: 2 })
  broker.override('offsetFetch', async () => {
    broker.restore('offsetFetch')
    const error = { code: 'UNSTABLE_OFFSET_COMMIT' as const, message: 'wait' }
    const commit = { offset: -1, leaderEpoch: -1, metadata: '', commitTimestampMs: null, topicId: null }
    return { partitions: [{ topic: 't', partition: 0, error, ...commit }] }
  })
  const found = first()
  await turns(5)
  environment.advance(100)
  expect(await found).toBe(7)
})
