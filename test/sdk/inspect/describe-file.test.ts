import { expect, test } from 'vitest'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { randomFrom } from '../../../sdk/environment/seeded-random.ts'
import { encodeMember } from '../../../sdk/group/member-record.ts'
import { describeFile } from '../../../sdk/inspect/describe-file.ts'
import type { EntryRow, FileRow, RecordRow } from '../../../sdk/inspect/file-row.ts'
import { encodeCoordinatorBatch } from '../../../sdk/offsets/coordinator-record.ts'
import { encodeRecordKey, RECORD_TYPES } from '../../../sdk/offsets/record-key.ts'
import { open } from '../../../sdk/open.ts'
import { encodeControlBatch, encodeMetadataBatch } from '../../../sdk/topic/metadata-batch.ts'
import {
  createCraftedDirectory,
  FIRST,
  OFFSETS_DIRECTORY,
  SECOND,
  START_MS,
  TOPIC_ID,
} from './support/crafted-directory.ts'

const SEED = Number(process.env['SEED'] ?? 1)

async function rowsOf(environment: MemoryEnvironment, name: string, records?: boolean): Promise<FileRow[]> {
  const rows: FileRow[] = []
  const options = { environment, ...(records === undefined ? {} : { records }) }
  for await (const row of describeFile(`/data/${name}`, options)) rows.push(row)
  return rows
}

/** Only what an entry says. */
function fieldsOf(rows: readonly FileRow[]): EntryRow['fields'][] {
  return rows.filter((row) => row.row === 'entry').map(({ fields }) => fields)
}

function wordsOf(rows: readonly FileRow[]): (string | undefined)[] {
  return rows.filter((row) => row.row === 'record').map(({ meaning }) => meaning?.words)
}

test('a log is its batches, and its records where they are asked for', async () => {
  const { environment, batches } = createCraftedDirectory()
  const [head, first, ...others] = await rowsOf(environment, `${FIRST}.log`)
  expect(head).toMatchObject({ row: 'file', kind: 'log', about: 'log segment of t-0, from offset 0 on' })
  expect(first).toMatchObject({
    row: 'batch',
    position: 0,
    baseOffset: 0,
    lastOffset: 2,
    recordCount: 3,
    codec: 'none',
  })
  expect(others).toHaveLength(batches[0]!.length - 1)
  const records = (await rowsOf(environment, `${FIRST}.log`, true)).filter((row) => row.row === 'record')
  expect(records.map(({ offset }) => offset)).toEqual([...Array(36).keys()])
  expect(records.map(({ key }) => String(key)).slice(0, 4)).toEqual(['key-0', 'key-1', 'key-2', 'key-0'])
  expect(String(records[35]!.value)).toMatch(/^35 35 /)
  expect(records[0]).toMatchObject({ timestampMs: START_MS, headers: [], meaning: null })
})

test('a row still says what stood there when the file was read on, and a loop that is left closes the file', async () => {
  const environment = new MemoryEnvironment()
  {
    await using tide = await open('/data', { environment })
    const topic = tide.topic('large')
    for (let number = 0; number < 20; number++)
      await topic.send({ key: `key-${number}`, value: Buffer.alloc(200_000, number) })
  }
  const log = 'large-0/00000000000000000000.log'
  const records = (await rowsOf(environment, log, true)).filter((row) => row.row === 'record')
  expect(records.map(({ key }) => String(key))).toEqual([...Array(20).keys()].map((number) => `key-${number}`))
  expect(records.map(({ value }) => value?.[199_999])).toEqual([...Array(20).keys()])
  const { open: opened, close: closed } = environment.counts
  for await (const row of describeFile(`/data/${log}`, { environment })) if (row.row === 'batch') break
  expect(environment.counts.close - closed).toBe(environment.counts.open - opened)
})

test('indexes are their entries, without the zeros that are allocated behind them', async () => {
  const directory = createCraftedDirectory()
  const { environment } = directory
  const third = directory.batches[0]![3]!
  const offsets = await rowsOf(environment, `${FIRST}.index`)
  expect(fieldsOf(offsets)[0]).toEqual({ offset: third.nextOffset - 1, position: third.position })
  const times = await rowsOf(environment, `${SECOND}.timeindex`)
  expect(fieldsOf(times).at(-1)).toEqual({ timestampMs: START_MS + 572, offset: 59 })
  directory.change(`${FIRST}.index`, (bytes) => Buffer.concat([bytes, Buffer.alloc(8000)]))
  const allocated = await rowsOf(environment, `${FIRST}.index`)
  expect(fieldsOf(allocated)).toEqual(fieldsOf(offsets))
  expect(allocated[0]).toMatchObject({ about: expect.stringContaining('8000 bytes allocated and unused') })
  directory.change(`${FIRST}.index`, (bytes) =>
    Buffer.concat([bytes.subarray(8, 16), bytes.subarray(0, 8), bytes.subarray(0, 3)]),
  )
  const problems = (await rowsOf(environment, `${FIRST}.index`)).filter((row) => row.row === 'problem')
  expect(problems.map(({ position }) => position)).toEqual([8, 16])
})

test('aborted transactions and producers are entries', async () => {
  const directory = createCraftedDirectory()
  const entry = Buffer.alloc(34)
  for (const [at, value] of [
    [2, 7n],
    [10, 3n],
    [18, 5n],
    [26, 6n],
  ] as const)
    entry.writeBigInt64BE(value, at)
  directory.write(`${FIRST}.txnindex`, entry)
  expect(fieldsOf(await rowsOf(directory.environment, `${FIRST}.txnindex`))).toEqual([
    { producerId: 7, firstOffset: 3, lastOffset: 5, lastStableOffset: 6 },
  ])
  expect(fieldsOf(await rowsOf(directory.environment, `${SECOND}.snapshot`))).toMatchObject([
    { producerId: 7, lastOffset: 35, timestampMs: START_MS, currentTxnFirstOffset: -1 },
  ])
  directory.change(`${SECOND}.snapshot`, (bytes) => bytes.subarray(0, 20))
  expect((await rowsOf(directory.environment, `${SECOND}.snapshot`)).map(({ row }) => row)).toEqual(['file', 'problem'])
})

test('text files are their lines, and what is wrong with them', async () => {
  const directory = createCraftedDirectory()
  const { environment } = directory
  expect(fieldsOf(await rowsOf(environment, 't-0/leader-epoch-checkpoint'))).toEqual([
    { epoch: 0, startOffset: 0 },
    { epoch: 1, startOffset: 36 },
  ])
  expect(fieldsOf(await rowsOf(environment, 'recovery-point-offset-checkpoint'))).toEqual([
    { topic: 't', partition: 0, offset: 60 },
  ])
  expect(fieldsOf(await rowsOf(environment, 'meta.properties'))[1]).toEqual({ name: 'node.id', value: '1' })
  expect(fieldsOf(await rowsOf(environment, 't-0/partition.metadata'))[1]).toEqual({
    name: 'topic_id',
    value: TOPIC_ID,
  })
  expect(fieldsOf(await rowsOf(environment, '.kafka_cleanshutdown'))[0]).toEqual({ name: 'version', value: 0 })
  directory.write('__cluster_metadata-0/quorum-state', '{"leaderId":1,"leaderEpoch":3,"votedId":-1,"data_version":1}')
  expect(fieldsOf(await rowsOf(environment, '__cluster_metadata-0/quorum-state'))[1]).toEqual({
    name: 'leaderEpoch',
    value: 3,
  })
  directory.write('cleaner-offset-checkpoint', '0\n2\nt 0 6x\n')
  const broken = await rowsOf(environment, 'cleaner-offset-checkpoint')
  expect(fieldsOf(broken)).toEqual([{ topic: 't', partition: 0, offset: '6x' }])
  expect(broken.at(-1)).toMatchObject({
    row: 'problem',
    what: expect.stringContaining('declares "2" entries and has 1'),
  })
  for (const name of ['meta.properties', '.kafka_cleanshutdown', 't-0/partition.metadata']) {
    directory.write(name, '\u0000\u0000')
    expect(
      (await rowsOf(environment, name)).map(({ row }) => row),
      name,
    ).toContain('problem')
  }
})

test('what is committed, and what groups and members do, is told in words', async () => {
  const environment = new MemoryEnvironment()
  {
    await using tide = await open('/data', { environment })
    const payments = tide.topic('payments', { partitions: 2 })
    await payments.send({ value: Buffer.from('1'), partition: 0 })
    for await (const payment of payments.consume({ group: 'fraud', follow: false })) payment.done()
    await tide.groups.commit('fraud', [{ topic: 'payments', partition: 1, offset: 0, metadata: 'mine' }])
    await tide.groups.deleteOffsets('fraud', [{ topic: 'payments', partition: 1 }])
    await tide.groups.delete('fraud')
  }
  const log = environment.files.list('/data').find((name) => name.startsWith('__consumer_offsets'))
  const words = wordsOf(await rowsOf(environment, `${log}/00000000000000000000.log`)).join('\n')
  for (const line of [
    /^fraud: member \S+ of tidemark at \S+ wants payments$/m,
    /^fraud: member \S+ is to have payments-0, payments-1$/m,
    /^fraud: member \S+ has payments-0, payments-1 in epoch 2$/m,
    /^fraud is in group epoch 2$/m,
    /^fraud commits payments-0 at 1$/m,
    /^fraud commits payments-1 at 0, with "mine"$/m,
    /^fraud forgets its commit of payments-1$/m,
    /^fraud: member \S+ is gone$/m,
    /^fraud is deleted$/m,
  ])
    expect(words).toMatch(line)
})

test('records of other protocols and of newer Kafkas have their type, and damaged ones a problem', async () => {
  const directory = createCraftedDirectory()
  const key = encodeRecordKey({
    kind: 'member',
    type: RECORD_TYPES.ShareGroupMemberMetadata,
    group: 'g',
    memberId: 'm',
  })
  const member = encodeRecordKey({
    kind: 'member',
    type: RECORD_TYPES.ConsumerGroupMemberMetadata,
    group: 'g',
    memberId: 'm',
  })
  const [whole] = [
    encodeMember({
      instanceId: null,
      rackId: null,
      clientId: 'c',
      clientHost: '/h',
      subscribedTopicNames: [],
      subscribedTopicRegex: 'pay.*',
      rebalanceTimeoutMs: 1,
      serverAssignor: null,
      classic: null,
    }),
  ]
  const batch = encodeCoordinatorBatch(
    [
      { key, value: Buffer.from([0, 0]) },
      { key: Buffer.from([0, 99]), value: Buffer.from([1]) },
      { key: member, value: whole!.subarray(0, 4) },
      { key: member, value: whole! },
    ],
    START_MS,
  )
  directory.write(`${OFFSETS_DIRECTORY}/00000000000000000000.log`, batch)
  const rows = await rowsOf(directory.environment, `${OFFSETS_DIRECTORY}/00000000000000000000.log`)
  const records = rows.filter((row): row is RecordRow => row.row === 'record')
  expect(records.map(({ meaning }) => meaning?.type)).toEqual([
    'ShareGroupMemberMetadata',
    'Unknown (99)',
    undefined,
    'ConsumerGroupMemberMetadata',
  ])
  expect(records[3]!.meaning).toMatchObject({
    words: 'g: member m of c at /h wants pay.*',
    key: { group: 'g', memberId: 'm' },
  })
  expect(rows.find((row) => row.row === 'problem')?.what).toContain('The record at offset 2 is not understood')
})

test('what a broker wrote of transactions is told in words', async () => {
  // Written by Kafka 4.3.1.
  const values = [
    'AAEAAAAAAAAAAQAAAADqYAAAAAABog1dNZ///////////wEACAAAAAAAAAAB',
    'AAEAAAAAAAAAAQAAAADqYAECAnICAAAAAQAAAAGiDV02BAAAAaINXTYEAgAIAAAAAAAAAAECAgAC',
    'AAEAAAAAAAAAAQABAADqYAUBAAABog1dNmIAAAGiDV02BAIACAAAAAAAAAABAgIAAg==',
  ].map((text) => Buffer.from(text, 'base64'))
  const directory = createCraftedDirectory()
  const log = '__transaction_state-2/00000000000000000000.log'
  const key = Buffer.from([0, 0, 0, 2, 0x74, 0x78])
  const newer = Buffer.from([0, 2])
  directory.write(
    log,
    encodeCoordinatorBatch(
      [...values, null, newer].map((value) => ({ key, value })),
      START_MS,
    ),
  )
  const rows = await rowsOf(directory.environment, log)
  expect(wordsOf(rows)).toEqual([
    'tx is Empty, as producer 1/0',
    'tx is Ongoing, as producer 1/0, in r-1',
    'tx is CompleteAbort, as producer 1/1',
    'tx is forgotten',
    undefined,
  ])
  expect(rows.at(-1)).toMatchObject({ row: 'problem', what: expect.stringContaining('a newer Kafka wrote it') })
})

test('the metadata log and its snapshots are told in words, with the names of topics', async () => {
  const directory = createCraftedDirectory()
  const name = '__cluster_metadata-0/00000000000000000000.log'
  const words = wordsOf(await rowsOf(directory.environment, name))
  expect(words).toContain('node 1 leads, of 1')
  expect(words).toContain('metadata.version is at level 25')
  expect(words).toContain(`topic t is created, with id ${TOPIC_ID}`)
  expect(words).toContain('t-0: led by 1 in epoch 1, on 1')
  expect(words).toContain('topic __consumer_offsets: cleanup.policy = compact')
  const snapshot = Buffer.concat([
    encodeControlBatch([{ type: 'SnapshotHeader', lastContainedLogTimestampMs: START_MS }], START_MS),
    encodeMetadataBatch(
      [
        { type: 'PartitionChange', partition: 0, topicId: TOPIC_ID, leader: 1 },
        { type: 'RemoveTopic', topicId: TOPIC_ID },
        { type: 'Config', resourceType: 2, resourceName: 't', name: 'retention.ms', value: null },
      ],
      START_MS,
      { baseOffset: 1 },
    ),
    encodeControlBatch([{ type: 'SnapshotFooter' }], START_MS, { baseOffset: 4 }),
  ])
  directory.write('__cluster_metadata-0/00000000000000000042-0000000003.checkpoint', snapshot)
  const rows = await rowsOf(directory.environment, '__cluster_metadata-0/00000000000000000042-0000000003.checkpoint')
  expect(rows[0]).toMatchObject({ kind: 'metadata-snapshot', about: 'metadata snapshot before offset 42' })
  expect(wordsOf(rows)).toEqual([
    'a snapshot begins',
    't-0 changes: leader 1',
    'topic t is deleted',
    'topic t: retention.ms is no longer set',
    'the snapshot is whole',
  ])
})

test('damage, a torn end and zeros are problems in their place, and what stands behind is shown', async () => {
  const directory = createCraftedDirectory()
  const { position } = directory.batches[0]![4]!
  directory.change(`${FIRST}.log`, (bytes) => {
    bytes[position + 200]! ^= 1
    return Buffer.concat([bytes, bytes.subarray(0, 100)])
  })
  const rows = await rowsOf(directory.environment, `${FIRST}.log`)
  expect(rows.map(({ row }) => row).join()).toMatch(/^file(,batch){4},problem(,batch){7},problem$/)
  expect(rows[5]).toMatchObject({ row: 'problem', position, what: expect.stringContaining('its CRC is') })
  expect(rows.at(-1)).toMatchObject({
    what: expect.stringContaining('The last 100 bytes are the beginning of a batch'),
  })
})

test(`no bytes in a file of any kind end it with anything but rows (SEED=${SEED})`, async () => {
  const random = randomFrom(SEED)
  const names = [
    `${FIRST}.log`,
    `${FIRST}.index`,
    `${FIRST}.timeindex`,
    `${FIRST}.txnindex`,
    `${SECOND}.snapshot`,
    't-0/leader-epoch-checkpoint',
    't-0/partition.metadata',
    'recovery-point-offset-checkpoint',
    'meta.properties',
    '.kafka_cleanshutdown',
    '__cluster_metadata-0/00000000000000000000.log',
    '__cluster_metadata-0/00000000000000000042-0000000003.checkpoint',
    `${OFFSETS_DIRECTORY}/00000000000000000000.log`,
  ]
  const directory = createCraftedDirectory()
  directory.write(`${FIRST}.txnindex`, Buffer.alloc(68, 1))
  directory.write(
    '__cluster_metadata-0/00000000000000000042-0000000003.checkpoint',
    directory.read('__cluster_metadata-0/00000000000000000000.log'),
  )
  for (let step = 0; step < 400; step++) {
    const name = names[random.below(names.length)]!
    const before = directory.read(name)
    directory.change(name, (bytes) => {
      const at = random.below(bytes.length)
      if (random.below(3) === 0) return bytes.subarray(0, at)
      for (let to = at; to < Math.min(bytes.length, at + 1 + random.below(60)); to++) bytes[to] = random.below(256)
      return bytes
    })
    const rows = await rowsOf(directory.environment, name, true)
    expect(rows[0], `step ${step}: ${name}`).toMatchObject({ row: 'file' })
    JSON.stringify(rows)
    directory.write(name, before)
  }
})

test('what is no file of Kafka’s, and what may not be read, is refused with the reason', async () => {
  const { environment, write } = createCraftedDirectory()
  write('notes.txt', 'hello')
  const refusal = (name: string) => rowsOf(environment, name).catch((error: Error) => error)
  expect(await refusal('notes.txt')).toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringContaining('*.timeindex'),
  })
  expect(await refusal('t-0')).toMatchObject({
    message: '/data/t-0 is a directory. Name files in it, such as /data/t-0/00000000000000000000.log.',
  })
  expect(await refusal('t-0/none.log')).toMatchObject({ message: 'There is no file /data/t-0/none.log.' })
  environment.failNext('open', { error: 'EACCES', path: /\.log$/ })
  expect(await refusal(`${FIRST}.log`)).toMatchObject({ code: 'STORAGE_ERROR' })
  environment.failNext('stat', { error: 'EACCES', path: /\.log$/ })
  expect(await refusal(`${FIRST}.log`)).toMatchObject({ code: 'STORAGE_ERROR' })
  const aborted = describeFile(`/data/${FIRST}.log`, { environment, signal: AbortSignal.abort() })
  await expect(aborted.next()).rejects.toMatchObject({ code: 'ABORTED' })
})
