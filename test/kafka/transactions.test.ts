/** Transactions of ours before Kafka's own eyes, and transactions of a broker's that we end. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { open, string, type Tidemark } from '../../sdk/index.ts'
import { scanBatches } from '../../sdk/record/batch-scan.ts'
import {
  decodeTransaction,
  decodeTransactionKey,
  encodeTransaction,
  encodeTransactionKey,
  TRANSACTION_STATES,
} from '../../sdk/transaction/transaction-record.ts'
import { partitionFiles } from '../support/directory-files.ts'
import { complaints, dumpLogSegments, formatDirectory, javaClients, startBroker } from '../support/kafka.ts'
import { copyInTransactions, createInputs } from '../support/kill/transaction-kills.ts'
import { seededRandom } from '../support/seeded-random.ts'

const STATE = '__transaction_state'
const KILLS = Number(process.env['KILLS'] ?? 8)
const INPUTS = Number(process.env['INPUTS'] ?? 600)
const SEED = Number(process.env['SEED'] ?? Date.now() % 100_000)

function createFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-kafka-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'data')
}

async function committedValues(tide: Tidemark, topic: string): Promise<string[]> {
  const values: string[] = []
  for await (const record of tide.topic(topic, { value: string }).read({ follow: false })) values.push(record.value)
  return values
}

/** Doubles every input, a batch a transaction; every third transaction fails the first time. */
async function double(tide: Tidemark, group: string): Promise<void> {
  const output = tide.topic('output', { value: string, partitions: 2 })
  const consumer = tide.topic('input', { value: string }).consume({ group, follow: false })
  let transactions = 0
  for await (const batch of consumer.batches({ maxRecords: 7 })) {
    const doubled = batch.records.map(({ value }) => ({ key: value, value: `${2 * Number(value)}` }))
    const transaction = consumer.transaction(async (tx) => {
      await tx.sendBatch(output, doubled)
      if (transactions++ % 3 === 0) throw new Error('not this time')
    })
    await transaction.catch((error: Error) => expect(error.message).toBe('not this time'))
  }
}

test('Kafka’s tools and consumers agree with our transactions, and a broker goes on with its own', async () => {
  const directory = createFolder()
  {
    await using tide = await open(directory)
    const input = tide.topic('input', { value: string, partitions: 2 })
    await input.sendBatch(Array.from({ length: 100 }, (_, n) => ({ key: `${n}`, value: `${n}` })))
    await double(tide, 'doubling')
  }
  const expected = Array.from({ length: 100 }, (_, n) => `${2 * n}`).sort()
  {
    await using tide = await open(directory, { readOnly: true })
    expect((await committedValues(tide, 'output')).sort()).toEqual(expected)
  }

  const states = await dumpLogSegments(partitionFiles(directory, [STATE], '.log'), { decode: 'transaction-log' })
  expect(states.problems).toEqual([])
  const payloads = states.files.flatMap((file) =>
    file.batches.flatMap((batch) => batch.records.map(({ payload }) => payload)),
  )
  const seen = payloads.map((payload) => (payload as { data: { transactionStatus: number } }).data.transactionStatus)
  const stateNumbers = TRANSACTION_STATES.slice(0, 6).map((_, number) => number)
  expect([...new Set(seen)].sort(), 'from Empty to CompleteAbort').toEqual(stateNumbers)
  const dump = await dumpLogSegments(partitionFiles(directory, ['output'], '.log'))
  expect(dump.problems).toEqual([])
  const batches = dump.files.flatMap((file) => file.batches)
  expect(batches.filter(({ isControl }) => isControl).length).toBeGreaterThan(20)
  expect(batches.filter(({ isTransactional }) => !isTransactional)).toEqual([])
  const aborted = await dumpLogSegments(partitionFiles(directory, ['output'], '.txnindex'))
  expect(aborted.problems).toEqual([])

  const broker = await startBroker(directory)
  onTestFinished(() => broker.kill())
  const clients = javaClients(broker.bootstrap)
  const read = async () => {
    const options = { topics: ['output'], group: `reads-${Math.random()}`, reset: 'earliest', commit: false } as const
    const { records } = await clients.consume({ ...options, isolation: 'read_committed' })
    return records.map(({ value }) => value as string).sort()
  }
  expect(await read()).toEqual(expected)
  const committed = await clients.offsets('doubling')
  expect(committed.reduce((sum, { committedOffset }) => sum + committedOffset, 0)).toBe(100)
  await clients.produce({ topic: 'output', count: 3, transaction: 'commit', transactionalId: 'java' })
  await clients.produce({ topic: 'output', count: 3, transaction: 'abort', transactionalId: 'java' })
  expect((await read()).length).toBe(103)
  await broker.stop()
  expect(complaints(broker.output())).toEqual([])

  await using tide = await open(directory)
  expect((await committedValues(tide, 'output')).length).toBe(103)
  await tide.topic('input', { value: string }).send({ value: '1000' })
  await double(tide, 'doubling')
  const again = await committedValues(tide, 'output')
  expect(again.length).toBe(104)
  expect(again).toContain('2000')
})

test(`after ${KILLS} SIGKILLs of a step in transactions a Java consumer gets each of ${INPUTS} inputs once (SEED=${SEED})`, async () => {
  const directory = createFolder()
  const inputs = await createInputs(directory, INPUTS)
  const random = seededRandom(SEED)
  for (let kill = 0; kill < KILLS; kill++) {
    await copyInTransactions(directory, { after: 1 + Math.floor(random() * 6), delayMs: random() * 8 })
  }
  await copyInTransactions(directory, 'none')
  expect(
    (await dumpLogSegments(partitionFiles(directory, [STATE], '.log'), { decode: 'transaction-log' })).problems,
  ).toEqual([])
  const dump = await dumpLogSegments(partitionFiles(directory, ['out'], '.log'))
  expect(dump.problems).toEqual([])
  expect(dump.files.flatMap(({ batches }) => batches).filter(({ isControl }) => isControl)).not.toEqual([])
  const broker = await startBroker(directory)
  onTestFinished(() => broker.kill())
  const options = { topics: ['out'], group: 'reads', reset: 'earliest', commit: false } as const
  const { records } = await javaClients(broker.bootstrap).consume({ ...options, isolation: 'read_committed' })
  expect(records.map(({ value }) => value as string).sort()).toEqual(inputs.toSorted())
  await broker.stop()
  expect(complaints(broker.output())).toEqual([])
}, 900_000)

test('a transaction that a broker left open is aborted by whoever takes the directory, and the broker goes on', async () => {
  const directory = createFolder()
  await formatDirectory(directory)
  const first = await startBroker(directory)
  onTestFinished(() => first.kill())
  const clients = javaClients(first.bootstrap)
  await clients.createTopic('t')
  await clients.produce({ topic: 't', count: 2, transaction: 'commit', transactionalId: 'ended', valuePrefix: 'a-' })
  await clients.produce({ topic: 't', count: 2, transaction: 'abort', transactionalId: 'ended', valuePrefix: 'b-' })
  await clients.produce({ topic: 't', count: 2, transaction: 'hang', transactionalId: 'open', valuePrefix: 'c-' })
  await first.stop()

  let records = 0
  for (const file of partitionFiles(directory, [STATE], '.log')) {
    for (const batch of scanBatches(readFileSync(file), { verify: 'crc' }).batches) {
      for (const { key, value } of batch.records()) {
        records++
        expect(encodeTransactionKey(decodeTransactionKey(key)!).toString('hex')).toBe(key!.toString('hex'))
        const transaction = decodeTransaction(value!)
        expect(encodeTransaction(transaction, 1).toString('hex')).toBe(value!.toString('hex'))
      }
    }
  }
  expect(records).toBeGreaterThan(6)

  {
    await using tide = await open(directory)
    await tide.topic('t', { value: string }).send({ value: 'd' })
    expect(await committedValues(tide, 't')).toEqual(['a-0', 'a-1', 'd'])
  }
  const again = await startBroker(directory)
  onTestFinished(() => again.kill())
  const later = javaClients(again.bootstrap)
  await later.produce({ topic: 't', count: 1, transaction: 'commit', transactionalId: 'open', valuePrefix: 'e-' })
  const { records: read } = await later.consume({
    topics: ['t'],
    group: 'g',
    reset: 'earliest',
    commit: false,
    isolation: 'read_committed',
  })
  expect(read.map(({ value }) => value)).toEqual(['a-0', 'a-1', 'd', 'e-0'])
  await again.stop()
  expect(complaints(again.output())).toEqual([])
})
