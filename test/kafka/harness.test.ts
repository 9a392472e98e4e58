/** Proves the harness itself, on a directory that Kafka made, so that a failure elsewhere is a failure of ours. */
import { existsSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import {
  BrokerFailed,
  complaints,
  consumerGroups,
  dumpLogSegments,
  formatDirectory,
  javaClients,
  startBroker,
} from '../support/kafka.ts'
import { parseGroupTables } from '../support/kafka-consumer-groups.ts'

const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const

async function createKafkaDirectory(): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-log-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  await formatDirectory(directory)
  return directory
}

test('a broker serves a directory, clients write and read every codec, groups are described, and its files are dumped', async () => {
  const directory = await createKafkaDirectory()
  const broker = await startBroker(directory)
  onTestFinished(() => broker.kill())
  const clients = javaClients(broker.bootstrap)

  const [created] = await clients.createTopic('payments', 2, { 'retention.ms': '-1' })
  for (const codec of CODECS) {
    const stored = await clients.produce({ topic: 'payments', codec, count: 20, keys: 3, headers: 2, partition: 0 })
    expect(stored).toHaveLength(20)
  }
  await clients.produce({ topic: 'payments', count: 3, partition: 1, transaction: 'abort' })

  const all = await clients.consume({ topics: ['payments'], isolation: 'read_committed' })
  expect(all.end).toBe('caught-up')
  expect(all.records).toHaveLength(100)
  expect(all.records[0]).toMatchObject({
    key: 'key-0',
    value: 'value-0',
    headers: [{ key: 'header-0', value: '0' }, {}],
  })

  const group = {
    topics: ['payments'],
    group: 'fraud',
    reset: 'earliest',
    isolation: 'read_committed',
    commit: true,
  } as const
  expect((await clients.consume({ ...group, max: 30 })).committed).toEqual([
    { topic: 'payments', partition: 0, committedOffset: 30 },
  ])
  const member = await clients.joinGroup({ ...group, protocol: 'consumer' })
  await member.until(() => member.records.length === 70)
  expect(member.records[0]?.offset).toBe(30)
  const rows = await consumerGroups(broker.bootstrap, ['--group', 'fraud'])
  expect(rows.find((row) => row['PARTITION'] === '0')).toMatchObject({
    'CURRENT-OFFSET': '30',
    'LOG-END-OFFSET': '100',
    LAG: '70',
    'CONSUMER-ID': member.memberId,
  })
  await member.leave()
  expect(await clients.offsets('fraud')).toMatchObject([{ partition: 0, committedOffset: 100, leaderEpoch: 0 }])

  const topic = (await clients.topics()).find((candidate) => candidate.topic === 'payments')
  expect(topic).toMatchObject({ topicId: created?.topicId, configs: { 'retention.ms': '-1' } })
  expect(topic?.partitions).toHaveLength(2)
  expect(await clients.ends(['payments'])).toMatchObject([{ logEndOffset: 100 }, { logEndOffset: 4 }])
  await broker.stop()

  const data = await dumpLogSegments(logFiles(directory, 'payments-0'), { print: true })
  expect(data.problems).toEqual([])
  const batches = data.files.flatMap((file) => file.batches)
  expect(batches.every((batch) => batch.isValid)).toBe(true)
  expect(new Set(batches.map((batch) => batch.codec))).toEqual(new Set(CODECS))
  expect(batches.flatMap((batch) => batch.records)).toHaveLength(100)
  expect(batches[0]?.records[1]).toMatchObject({
    key: 'key-1',
    payload: 'value-1',
    headerKeys: ['header-0', 'header-1'],
  })

  const offsets = readdirSync(directory).filter((name) => name.startsWith('__consumer_offsets-'))
  const commits = await dumpLogSegments(
    offsets.flatMap((name) => logFiles(directory, name)),
    { decode: 'offsets' },
  )
  const records = commits.files.flatMap((file) => file.batches).flatMap((batch) => batch.records)
  expect(records).toContainEqual(
    expect.objectContaining({
      key: { type: '1', data: { group: 'fraud', topic: 'payments', partition: 0 } },
      payload: { version: '4', data: expect.objectContaining({ offset: 100 }) },
    }),
  )
})

test('the dump shows a flipped bit, a torn tail and a wrong index entry', async () => {
  const directory = await createKafkaDirectory()
  await using broker = await startBroker(directory)
  const clients = javaClients(broker.bootstrap)
  await clients.createTopic('payments')
  await clients.produce({ topic: 'payments', count: 10, valueBytes: 1000, properties: { 'batch.size': '1' } })
  await broker.stop()

  const [log = '', index = ''] = ['log', 'index'].map((kind) =>
    join(directory, 'payments-0', `00000000000000000000.${kind}`),
  )
  writeFileSync(index, Buffer.from('00000005000000ff', 'hex'))
  expect((await dumpLogSegments([index])).problems).not.toEqual([])
  const whole = (await dumpLogSegments([log])).files[0]?.batches ?? []
  expect(whole).toHaveLength(10)
  truncateSync(log, (whole[9]?.position ?? 0) + 20)
  expect((await dumpLogSegments([log])).problems).toEqual([expect.stringContaining('invalid bytes at the end')])
  writeFileSync(log, Buffer.from([1]), { flag: 'r+' })
  expect((await dumpLogSegments([log])).problems).not.toEqual([])
})

test('a broker that will not start fails fast, with its log', async () => {
  const directory = await createKafkaDirectory()
  await using first = await startBroker(directory)
  const startedMs = performance.now()
  const second = await startBroker(directory).catch((error: unknown) => error)
  expect(second).toBeInstanceOf(BrokerFailed)
  expect((second as BrokerFailed).output).toMatch(/Failed to acquire lock/)
  expect(performance.now() - startedMs).toBeLessThan(20_000)
  await first.kill()
  expect(existsSync(join(directory, '.kafka_cleanshutdown'))).toBe(false)
})

test('what a broker logs of a directory it cannot make sense of is a complaint, what it logs of its own start-up is none', () => {
  const unexpected =
    'ERROR [ControllerApis nodeId=1] Unexpected error handling request ControllerRegistrationRequestData()'
  const early = 'org.apache.kafka.common.errors.NotControllerException: No controller appears to be active.'
  const serious = 'java.lang.IllegalArgumentException: unknown topic id'
  expect(complaints(['INFO starting', unexpected, early, 'INFO started'].join('\n'))).toEqual([])
  expect(complaints([unexpected, serious].join('\n'))).toEqual([`${unexpected}\n${serious}`])
})

test('tables of kafka-consumer-groups are read by their columns', () => {
  const text = `
GROUP           COORDINATOR (ID)          ASSIGNMENT-STRATEGY  STATE                #MEMBERS
g1              127.0.0.1:39092  (1)      -                    Empty                0
`
  expect(parseGroupTables(text)).toEqual([
    {
      GROUP: 'g1',
      'COORDINATOR (ID)': '127.0.0.1:39092  (1)',
      'ASSIGNMENT-STRATEGY': null,
      STATE: 'Empty',
      '#MEMBERS': '0',
    },
  ])
})

function logFiles(directory: string, partition: string): string[] {
  return readdirSync(join(directory, partition))
    .filter((name) => /\.(log|index|timeindex)$/.test(name))
    .map((name) => join(directory, partition, name))
}
