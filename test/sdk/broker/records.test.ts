/** Produce, Fetch, ListOffsets, OffsetForLeaderEpoch and CountRecords: the same from everybody who answers them. */
import { expect, test } from 'vitest'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { TidemarkError } from '../../../sdk/errors.ts'
import type { RecordInput } from '../../../sdk/record/batch-builder.ts'
import { RecordBatch } from '../../../sdk/record/record-batch.ts'
import {
  batch,
  batchesOf,
  create,
  epochEnd,
  fetch,
  offsetAt,
  produce,
  readAll,
  send,
  valuesOf,
} from '../../support/broker/requests.ts'
import { createWorld, testOwners, testReaders } from '../../support/broker/worlds.ts'

const at = (timestampMs: number, value = `${timestampMs}`): RecordInput => ({
  key: null,
  value: Buffer.from(value),
  timestampMs,
})

testReaders(
  'records are fetched as they were produced, by partition, from any offset',
  async (owner) => {
    await create(owner, 't', 2)
    expect(await send(owner, 't', batch(['a', 'b']))).toBe(0)
    expect(await send(owner, 't', batch(['c'], { codec: 'zstd' }))).toBe(2)
    expect(await send(owner, 't', batch(['x']), 1)).toBe(0)
  },
  async (broker) => {
    expect(await readAll(broker, 't')).toEqual(['0=a', '1=b', '2=c'])
    expect(await readAll(broker, 't', 1)).toEqual(['0=x'])
    // A whole batch, though only its last record is wanted.
    expect(valuesOf(await fetch(broker, 't', { offset: 1, partitionBytes: 1 }))).toEqual(['0=a', '1=b'])
    expect(valuesOf(await fetch(broker, 't', { offset: 3 }))).toEqual([])
    expect(await fetch(broker, 't', { offset: 2 })).toMatchObject({
      highWatermark: 3,
      lastStableOffset: 3,
      logStartOffset: 0,
    })
  },
)

testReaders(
  'a fetch answers every partition, within maxBytes but at least one batch, and errors stay with their partition',
  async (owner) => {
    await create(owner, 't', 3)
    for (const partition of [0, 1]) for (const value of ['a', 'b']) await send(owner, 't', batch([value]), partition)
  },
  async (broker) => {
    const place = (topic: string, partition: number, fetchOffset = 0) => ({
      topic,
      partition,
      fetchOffset,
      maxBytes: 1_000_000,
    })
    const answer = async (maxBytes: number, partitions = [place('t', 0), place('t', 1)]) => {
      const request = { partitions, maxWaitMs: 0, minBytes: 1, maxBytes, isolation: 'read_uncommitted' as const }
      return (await broker.fetch(request)).partitions
    }
    expect((await answer(1)).map(valuesOf)).toEqual([['0=a'], []])
    expect((await answer(1_000)).map(valuesOf)).toEqual([
      ['0=a', '1=b'],
      ['0=a', '1=b'],
    ])
    const mixed = await answer(1_000, [
      place('t', 7),
      place('t', 0, 3),
      place('t', 2),
      place('t', 2, 1),
      place('nothing', 0),
      place('t', 1),
    ])
    expect(mixed.map(({ error }) => error?.code)).toEqual([
      'UNKNOWN_TOPIC',
      'OFFSET_OUT_OF_RANGE',
      undefined,
      'OFFSET_OUT_OF_RANGE',
      'UNKNOWN_TOPIC',
      undefined,
    ])
    expect(valuesOf(mixed[5]!)).toEqual(['0=a', '1=b'])
  },
)

testReaders(
  'offsets are listed: earliest, latest, by timestamp, the youngest record',
  async (owner) => {
    await create(owner, 't', 2, { 'message.timestamp.after.max.ms': '9223372036854775807' })
    await send(owner, 't', batch([at(100), at(300), at(200)]))
    await send(owner, 't', batch([at(500), at(400)]))
  },
  async (broker) => {
    expect(await offsetAt(broker, 't', 'earliest')).toEqual({ error: null, offset: 0, timestampMs: -1, leaderEpoch: 0 })
    expect(await offsetAt(broker, 't', 'latest')).toEqual({ error: null, offset: 5, timestampMs: -1, leaderEpoch: 0 })
    expect(await offsetAt(broker, 't', 'max-timestamp')).toMatchObject({ offset: 3, timestampMs: 500, leaderEpoch: 0 })
    for (const [timestampMs, offset, found] of [
      [0, 0, 100],
      [101, 1, 300],
      [250, 1, 300],
      [301, 3, 500],
      [501, -1, -1],
    ] as const) {
      expect(await offsetAt(broker, 't', { timestampMs }), `${timestampMs}`).toMatchObject({
        offset,
        timestampMs: found,
      })
    }
    for (const place of ['earliest', 'latest'] as const) {
      expect(await offsetAt(broker, 't', place, { partition: 1 })).toMatchObject({
        error: null,
        offset: 0,
        leaderEpoch: -1,
      })
    }
    for (const place of ['max-timestamp', { timestampMs: 0 }] as const) {
      expect(await offsetAt(broker, 't', place, { partition: 1 })).toMatchObject({ error: null, offset: -1 })
    }
    expect((await offsetAt(broker, 't', 'latest', { partition: 2 })).error?.code).toBe('UNKNOWN_TOPIC')
  },
)

testReaders(
  'records between two offsets are counted',
  async (owner) => {
    await create(owner, 't', 2)
    await send(owner, 't', batch(['a', 'b', 'c']))
    await send(owner, 't', batch(['d', 'e']))
  },
  async (broker) => {
    const count = async (partition: number, fromOffset: number, toOffset: number) =>
      (await broker.countRecords({ partitions: [{ topic: 't', partition, fromOffset, toOffset }] })).partitions[0]
    expect(await count(0, 1, 4)).toMatchObject({ error: null, records: 3 })
    expect(await count(0, 0, 99)).toMatchObject({ error: null, records: 5 })
    expect(await count(1, 0, 99)).toMatchObject({ error: null, records: 0 })
    expect((await count(2, 0, 99))?.error?.code).toBe('UNKNOWN_TOPIC')
  },
)

testOwners(
  'each ownership begins a leader epoch with its first append, and where each ended is told',
  async (world) => {
    for (const [ownership, value] of ['a', 'b', 'c'].entries()) {
      const owner = await world.own()
      if (ownership === 0) await create(owner, 't', 2)
      // Reading does not begin one.
      await readAll(owner, 't')
      expect(await epochEnd(owner, 't', ownership)).toEqual({ error: null, leaderEpoch: -1, endOffset: -1 })
      await send(owner, 't', batch([value, value]))
      expect(batchesOf(await fetch(owner, 't', { offset: 2 * ownership }))[0]?.partitionLeaderEpoch).toBe(ownership)
      await owner.close()
    }
    for (const broker of [world.follow(), await world.own()]) {
      expect(await epochEnd(broker, 't', 0)).toEqual({ error: null, leaderEpoch: 0, endOffset: 2 })
      expect(await epochEnd(broker, 't', 1)).toEqual({ error: null, leaderEpoch: 1, endOffset: 4 })
      expect(await epochEnd(broker, 't', 2)).toEqual({ error: null, leaderEpoch: 2, endOffset: 6 })
      expect(await epochEnd(broker, 't', 3)).toEqual({ error: null, leaderEpoch: -1, endOffset: -1 })
      expect(await epochEnd(broker, 't', 0, 1)).toEqual({ error: null, leaderEpoch: -1, endOffset: -1 })
      expect((await epochEnd(broker, 't', 0, 2)).error?.code).toBe('UNKNOWN_TOPIC')
      const { topics } = await broker.metadata({ topics: ['t'] })
      expect(topics[0]?.partitions).toEqual([
        { partition: 0, leaderEpoch: 2 },
        { partition: 1, leaderEpoch: 0 },
      ])
      expect(await offsetAt(broker, 't', 'earliest')).toMatchObject({ leaderEpoch: 0 })
      expect(await offsetAt(broker, 't', 'latest')).toMatchObject({ leaderEpoch: 2 })
    }
  },
)

test('an ownership that appends nothing writes nothing but its comings and goings, and makes no directories', async () => {
  const environment = new MemoryEnvironment()
  const world = createWorld(environment)
  const first = await world.own()
  await create(first, 't', 3)
  await send(first, 't', 'a', 1)
  await first.close()
  const files = () => environment.files.list('/data').sort()
  expect(files()).toEqual(
    [
      '.kafka_cleanshutdown',
      '.lock',
      '__cluster_metadata-0',
      'meta.properties',
      'recovery-point-offset-checkpoint',
      'log-start-offset-checkpoint',
      'cleaner-offset-checkpoint',
      'replication-offset-checkpoint',
      't-1',
    ].sort(),
  )
  const sizes = () =>
    ['__cluster_metadata-0', 't-1'].map(
      (name) => environment.files.stat(`/data/${name}/00000000000000000000.log`)?.sizeBytes,
    )
  const before = sizes()
  const second = await world.own()
  await readAll(second, 't', 0)
  await readAll(second, 't', 1)
  await second.listGroups({})
  await second.offsetFetch({ group: 'g', partitions: null })
  await expect(second.deleteGroups({ groups: ['g'] })).rejects.toMatchObject({ code: 'GROUP_NOT_FOUND' })
  await expect(second.offsetDelete({ group: 'g', partitions: [] })).rejects.toMatchObject({ code: 'GROUP_NOT_FOUND' })
  await expect(send(second, 't', batch(['x'], { isControl: true }))).rejects.toMatchObject({ code: 'INVALID_RECORD' })
  await second.close()
  expect(sizes()).toEqual(before)
  expect(files()).not.toContain('t-0')
})

testOwners(
  'sends of one moment are appended in the order of their calls, the first of a partition too',
  async (world) => {
    const owner = await world.own()
    await create(owner, 't')
    const offsets = await Promise.all(['a', 'b', 'c'].map((value) => send(owner, 't', value)))
    expect(offsets).toEqual([0, 1, 2])
    expect(await readAll(owner, 't')).toEqual(['0=a', '1=b', '2=c'])
  },
)

testOwners(
  'a waiting fetch is answered by an append, by the first append to a partition, by abort and by close',
  async (world) => {
    const owner = await world.own()
    await create(owner, 't', 2)
    const first = fetch(owner, 't', { maxWaitMs: 60_000 })
    await send(owner, 't', 'a')
    expect(valuesOf(await first)).toEqual(['0=a'])
    const second = fetch(owner, 't', { offset: 1, maxWaitMs: 60_000 })
    await send(owner, 't', 'b')
    expect(valuesOf(await second)).toEqual(['1=b'])
    const controller = new AbortController()
    const aborted = fetch(owner, 't', { offset: 2, maxWaitMs: 60_000, signal: controller.signal })
    controller.abort()
    expect(await aborted).toMatchObject({ error: null, highWatermark: 2 })
    const greedy = fetch(owner, 't', { maxWaitMs: 60_000, minBytes: 150 })
    await send(owner, 't', 'c')
    expect(valuesOf(await greedy)).toEqual(['0=a', '1=b', '2=c'])
    const left = [
      fetch(owner, 't', { offset: 3, maxWaitMs: 60_000 }),
      fetch(owner, 't', { partition: 1, maxWaitMs: 60_000 }),
    ]
    const refusals = left.map((answer) => expect(answer).rejects.toMatchObject({ code: 'CLOSED' }))
    await owner.close()
    await Promise.all(refusals)
  },
)

testOwners('a waiting fetch is answered when its topic is deleted', async (world) => {
  const owner = await world.own()
  await create(owner, 't')
  const waiting = fetch(owner, 't', { maxWaitMs: 60_000 })
  await owner.deleteTopics({ topics: ['t'] })
  expect((await waiting).error?.code).toBe('UNKNOWN_TOPIC')
})

testOwners('a follower’s waiting fetch sees a new topic’s records, and ends with the follower', async (world) => {
  const owner = await world.own()
  const follower = world.follow()
  expect((await fetch(follower, 't', { maxWaitMs: 60_000 })).error?.code).toBe('UNKNOWN_TOPIC')
  await create(owner, 't')
  const waiting = fetch(follower, 't', { maxWaitMs: 60_000 })
  await send(owner, 't', 'a')
  expect(valuesOf(await waiting)).toEqual(['0=a'])
  const left = fetch(follower, 't', { offset: 1, maxWaitMs: 60_000 })
  await follower.close()
  await expect(left).rejects.toMatchObject({ code: 'CLOSED' })
  await expect(follower.metadata({ topics: null })).rejects.toMatchObject({ code: 'CLOSED' })
})

testOwners('a fetch that waits for longer than it may is answered with what there is', async (world) => {
  const owner = await world.own()
  await create(owner, 't')
  expect(valuesOf(await fetch(owner, 't', { maxWaitMs: 20 }))).toEqual([])
  await send(owner, 't', 'a')
  expect(valuesOf(await fetch(owner, 't', { maxWaitMs: 20, minBytes: 10_000 }))).toEqual(['0=a'])
})

test('every batch a leader must refuse is refused with its reason, and nothing of it is appended', async () => {
  const owner = await createWorld().own()
  await create(owner, 't', 1, { 'max.message.bytes': '1000' })
  await create(owner, 'small', 1, { 'internal.segment.bytes': '200' })
  await create(owner, 'compacted', 1, { 'cleanup.policy': 'compact' })
  await create(owner, 'fresh', 1, { 'message.timestamp.before.max.ms': '60000' })
  await send(owner, 't', 'first')
  const keyed = { key: Buffer.from('k'), value: Buffer.from('v'), timestampMs: Date.now() }
  const magic1 = batch(['x'])
  magic1[16] = 1
  const gap = batch(['x', 'y'])
  gap.writeInt32BE(5, 23)
  const empty = batch(['x'])
  empty.writeInt32BE(0, 57)
  const refusals: [topic: string, records: Buffer, code: string, message: RegExp][] = [
    ['t', Buffer.alloc(10), 'INVALID_RECORD', /shorter than its header/],
    ['t', Buffer.concat([batch(['x']), batch(['y'])]), 'INVALID_RECORD', /one batch/],
    ['t', batch(['x']).subarray(0, 65), 'INVALID_RECORD', /one batch/],
    ['t', magic1, 'INVALID_RECORD', /magic 1/],
    ['t', batch(['x'], { isControl: true }), 'INVALID_RECORD', /control/],
    [
      't',
      batch(['x'], { isTransactional: true, producerId: 1, producerEpoch: 0, baseSequence: 0 }),
      'INVALID_RECORD',
      /transaction/,
    ],
    ['t', empty, 'INVALID_RECORD', /no record/],
    ['t', gap, 'INVALID_RECORD', /gaps/],
    [
      't',
      batch(['x'.repeat(1_000)]),
      'MESSAGE_TOO_LARGE',
      /t-0 takes 1070 bytes, and its max\.message\.bytes is 1000: raise that/,
    ],
    ['small', batch(['x'.repeat(300)]), 'RECORD_LIST_TOO_LARGE', /segment\.bytes of small-0 is 200/],
    ['t', batch([at(Date.now() + 7_200_000)]), 'INVALID_TIMESTAMP', /ahead of now.*seconds or microseconds/],
    ['fresh', batch([keyed, at(Date.now() - 120_000)]), 'INVALID_TIMESTAMP', /before now/],
    ['compacted', batch([keyed, 'no key']), 'INVALID_RECORD', /needs a key/],
    ['nothing', batch(['x']), 'UNKNOWN_TOPIC', /no partition 0 of a topic "nothing"/],
    ['__consumer_offsets', batch(['x']), 'INVALID_TOPIC', /belongs to Kafka/],
  ]
  // Both for a partition that was appended to, and for the others.
  for (const [topic, records, code, message] of refusals) {
    const { error, baseOffset } = await produce(owner, topic, Buffer.from(records))
    expect(error, `${code} ${message}`).toMatchObject({ code, message: expect.stringMatching(message) })
    expect(baseOffset).toBe(-1)
  }
  expect(await readAll(owner, 't')).toEqual(['0=first'])
  for (const topic of ['small', 'compacted', 'fresh'])
    expect(await offsetAt(owner, topic, 'latest')).toMatchObject({ offset: 0 })
  expect((await produce(owner, 't', 'second', 1)).error?.code).toBe('UNKNOWN_TOPIC')
  // Without a timestamp there is nothing to check; a key is all that compaction wants.
  expect(await send(owner, 'fresh', batch([at(-1)]))).toBe(0)
  expect(await send(owner, 'compacted', batch([keyed]))).toBe(0)
})

test('a request with several partitions answers each, refused or not', async () => {
  const owner = await createWorld().own()
  await create(owner, 't', 2)
  const { partitions } = await owner.produce({
    partitions: [
      { topic: 't', partition: 0, records: batch(['a']) },
      { topic: 't', partition: 9, records: batch(['b']) },
      { topic: 't', partition: 1, records: batch(['c']) },
    ],
  })
  expect(partitions.map(({ error, baseOffset }) => error?.code ?? baseOffset)).toEqual([0, 'UNKNOWN_TOPIC', 0])
  expect(partitions[0]).toMatchObject({
    topic: 't',
    partition: 0,
    logAppendTimeMs: -1,
    logStartOffset: 0,
    survives: 'power-loss',
  })
})

test('with LogAppendTime records have the time they were stored, whatever they said', async () => {
  const environment = new MemoryEnvironment({ clock: 'manual', startMs: 5_000_000 })
  const world = createWorld(environment)
  const owner = await world.own()
  await create(owner, 't', 1, { 'message.timestamp.type': 'LogAppendTime' })
  const answer = await produce(owner, 't', batch([at(1, 'a'), at(9_999_999_999_999, 'b')]))
  expect(answer).toMatchObject({ error: null, logAppendTimeMs: 5_000_000 })
  environment.advance(1_000)
  await send(owner, 't', batch([at(1, 'c')]))
  for (const broker of [owner, world.follow()]) {
    const [first] = batchesOf(await fetch(broker, 't'))
    expect(first?.timestampType).toBe('LogAppendTime')
    expect(first?.records().map(({ timestampMs }) => timestampMs)).toEqual([5_000_000, 5_000_000])
    expect(await offsetAt(broker, 't', { timestampMs: 5_000_001 })).toMatchObject({ offset: 2, timestampMs: 5_001_000 })
  }
})

test('compression.type decides how batches are stored; "producer" keeps what came', async () => {
  const owner = await createWorld().own()
  const stored = async (
    type: string | null,
    records: Buffer,
  ): Promise<[codec: string | undefined, values: string[]]> => {
    if (type !== null) await owner.incrementalAlterConfigs({ topic: 't', configs: { 'compression.type': type } })
    const offset = await send(owner, 't', records)
    const answer = await fetch(owner, 't', { offset })
    return [batchesOf(answer)[0]?.codec, valuesOf(answer)]
  }
  await create(owner, 't')
  const text = 'tide '.repeat(100)
  expect(await stored(null, batch([text], { codec: 'gzip' }))).toEqual(['gzip', [`0=${text}`]])
  expect(await stored('zstd', batch([text, 'b']))).toEqual(['zstd', [`1=${text}`, '2=b']])
  expect(await stored('zstd', batch(['c'], { codec: 'zstd' }))).toEqual(['zstd', ['3=c']])
  expect(await stored('uncompressed', batch(['d'], { codec: 'gzip' }))).toEqual(['none', ['4=d']])
  const headers = [{ key: 'h', value: Buffer.from('1') }]
  await stored(
    'gzip',
    batch([{ key: Buffer.from('k'), value: null, timestampMs: 7, headers }], {
      producerId: 5,
      producerEpoch: 1,
      baseSequence: 3,
    }),
  )
  const [kept] = batchesOf(await fetch(owner, 't', { offset: 5 }))
  expect(kept).toMatchObject({ codec: 'gzip', producerId: 5, producerEpoch: 1, baseSequence: 3, baseOffset: 5 })
  expect(kept?.records()[0]).toMatchObject({ timestampMs: 7, value: null })
  expect(kept?.records()[0]?.headers).toMatchObject([{ key: 'h' }])
  expect(await stored('snappy', batch([text]))).toEqual(['snappy', [`6=${text}`]])
  expect(await stored('lz4', batch([text]))).toEqual(['lz4', [`7=${text}`]])
})

test('readers of committed records stop at the first open transaction; others read on', async () => {
  const world = createWorld()
  const owner = await world.own()
  await create(owner, 't')
  await send(owner, 't', 'a')
  const transactionalId = 'tx'
  const producer = await owner.initProducerId({ transactionalId, transactionTimeoutMs: 60_000 })
  const records = batch(['open'], { ...producer, isTransactional: true, baseSequence: 0 })
  await owner.produce({ transactionalId, partitions: [{ topic: 't', partition: 0, records }] })
  await send(owner, 't', 'b')
  for (const broker of [owner, world.follow()]) {
    expect(await readAll(broker, 't')).toEqual(['0=a', '1=open', '2=b'])
    const answer = await fetch(broker, 't', { isolation: 'read_committed' })
    expect(valuesOf(answer)).toEqual(['0=a'])
    expect(answer).toMatchObject({ highWatermark: 3, lastStableOffset: 1 })
    expect(valuesOf(await fetch(broker, 't', { isolation: 'read_committed', offset: 1 }))).toEqual([])
    expect(await offsetAt(broker, 't', 'latest', { isolation: 'read_committed' })).toMatchObject({ offset: 1 })
  }
})

test('a partition whose log cannot be opened is refused alone, in fetches that wait too', async () => {
  const environment = new MemoryEnvironment()
  const world = createWorld(environment)
  const first = await world.own()
  await create(first, 't', 2)
  for (const partition of [0, 1]) await send(first, 't', 'a', partition)
  await first.close()
  const owner = await world.own()
  environment.failNext('open', { error: 'EIO', sticky: true, path: /t-1/ })
  const place = (partition: number, fetchOffset: number) => ({ topic: 't', partition, fetchOffset, maxBytes: 1_000 })
  const answer = await owner.fetch({
    partitions: [place(0, 0), place(1, 0)],
    maxWaitMs: 60_000,
    minBytes: 1,
    maxBytes: 1_000,
    isolation: 'read_uncommitted',
  })
  expect(answer.partitions.map(({ error }) => error?.code)).toEqual([undefined, 'STORAGE_ERROR'])
  expect((await offsetAt(owner, 't', 'latest', { partition: 1 })).error?.code).toBe('STORAGE_ERROR')
  expect((await epochEnd(owner, 't', 0, 1)).error?.code).toBe('STORAGE_ERROR')
  expect((await produce(owner, 't', 'b', 1)).error?.code).toBe('STORAGE_ERROR')
  environment.heal()
  expect(await readAll(owner, 't', 1)).toEqual(['0=a'])
  expect(await send(owner, 't', 'b', 1)).toBe(1)
})

test('a follower refuses whatever would write', async () => {
  const world = createWorld()
  await (await world.own()).close()
  const follower = world.follow()
  const writes = [
    () => follower.createTopics(),
    () => follower.createPartitions(),
    () => follower.deleteTopics(),
    () => follower.incrementalAlterConfigs(),
    () => follower.initProducerId(),
    () => follower.produce(),
    () => follower.endTxn(),
    () => follower.txnOffsetCommit(),
    () => follower.consumerGroupHeartbeat(),
    () => follower.offsetCommit(),
    () => follower.offsetDelete(),
    () => follower.deleteGroups(),
  ]
  for (const write of writes) await expect(write()).rejects.toMatchObject({ code: 'READ_ONLY' })
  expect(new TidemarkError('READ_ONLY').retriable).toBe(false)
})

test('the batch handed over is stamped in place', async () => {
  const owner = await createWorld().own()
  await create(owner, 't')
  await send(owner, 't', 'a')
  const bytes = batch(['b'])
  await send(owner, 't', bytes)
  expect(new RecordBatch(bytes).baseOffset).toBe(1)
})
