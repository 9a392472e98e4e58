/** What a real Apache Kafka makes of a directory that Tidemark has compacted. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { bytes, nullable, open, type Tidemark } from '../../sdk/index.ts'
import { type Environment, nodeEnvironment } from '../../sdk/testing.ts'
import { partitionFiles } from '../support/directory-files.ts'
import { dumpLogSegments, javaClients, startBroker } from '../support/kafka.ts'

const MONTH_OLD_MS = Date.now() - 35 * 24 * 3_600_000
const STATE = '__transaction_state'
const GROUPS = ['a', 'b', 'c']
const BACKOFF_MS = 15_000

/** A machine that compacts soon; `compacted` resolves when a checkpoint tells of all those partitions. */
function createEnvironment(nowMs: () => number, partitions: readonly string[]) {
  const node = nodeEnvironment()
  let tell = () => {}
  const compacted = new Promise<void>((resolve) => {
    tell = resolve
  })
  const rename = (from: string, to: string): void => {
    node.files.rename(from, to)
    if (basename(to) !== 'cleaner-offset-checkpoint') return
    const text = readFileSync(to, 'utf8')
    if (partitions.every((partition) => text.includes(`${partition} `))) tell()
  }
  const after: Environment['timers']['after'] = (delayMs, callback, options) => {
    return node.timers.after(delayMs === BACKOFF_MS ? 100 : delayMs, callback, options)
  }
  const files = new Proxy(node.files, {
    get(target, name): unknown {
      const value: unknown = name === 'rename' ? rename : Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  const environment: Environment = {
    ...node,
    clock: { nowMs, monotonicMs: () => performance.now() },
    files,
    timers: { after, yield: () => node.timers.yield() },
  }
  return { environment, compacted }
}

async function writeCards(tide: Tidemark, from: number): Promise<void> {
  for (const compression of ['none', 'gzip', 'zstd'] as const) {
    const cards = tide.topic('cards', {
      value: nullable(bytes),
      compression,
      configs: { 'cleanup.policy': 'compact', 'segment.bytes': '1048576' },
    })
    for (let batch = 0; batch < 20; batch++) {
      await cards.sendBatch(
        Array.from({ length: 50 }, (_, index) => ({
          key: `card-${(batch * 50 + index) % 97}`,
          value: index === 7 ? null : Buffer.alloc(1000, `${compression} ${from} ${batch} ${index} `),
          ...(index % 9 === 0 ? { headers: [{ key: 'h', value: Buffer.from('1') }] } : {}),
        })),
      )
    }
  }
}

async function commitAll(tide: Tidemark, times: number): Promise<void> {
  for (const group of GROUPS) {
    for (let n = 1; n <= times; n++) await tide.groups.commit(group, [{ topic: 'cards', partition: 0, offset: n }])
  }
}

async function writeTransactions(tide: Tidemark): Promise<void> {
  const copies = tide.topic('copies', { value: bytes })
  for (let n = 0; n < 30; n++) {
    const transaction = tide.transaction(async (tx) => {
      await tx.send(copies, { value: Buffer.from(`copy ${n}`) })
      if (n % 3 === 0) throw new Error('not this one')
    })
    await transaction.catch(() => {})
  }
}

function partitionsOf(directory: string, topic: string): string[] {
  return readdirSync(directory).flatMap((name) => {
    const partition = new RegExp(`^${topic}-(\\d+)$`).exec(name)?.[1]
    return partition === undefined ? [] : [`${topic} ${partition}`]
  })
}

/**
 * Commits, transactions and records of five weeks ago, then some of today: the first of them begin new segments, the old ones
 * are compacted. Nobody has used the transactions' names since, so what is new of those is that they are forgotten.
 */
async function writeCompacted(directory: string): Promise<void> {
  const past = createEnvironment(() => MONTH_OLD_MS, ['nothing'])
  {
    await using tide = await open(directory, { environment: past.environment })
    await writeCards(tide, 0)
    await commitAll(tide, 100)
    await writeTransactions(tide)
  }
  const internal = ['__consumer_offsets', STATE].flatMap((topic) => partitionsOf(directory, topic))
  const wanted = ['cards 0', ...internal]
  const today = createEnvironment(() => Date.now(), wanted)
  await using tide = await open(directory, { environment: today.environment })
  await writeCards(tide, 1)
  await commitAll(tide, 42)
  await today.compacted
  await writeTransactions(tide)
}

function filesOf(directory: string, ...endings: string[]): string[] {
  return partitionFiles(directory, ['cards', '__consumer_offsets'], ...endings)
}

async function recordsOf(tide: Tidemark): Promise<string[]> {
  const records: string[] = []
  for await (const { offset, timestampMs, key, bytes } of tide
    .topic('cards')
    .read({ from: 'earliest', follow: false })) {
    records.push(JSON.stringify([offset, timestampMs, key, bytes.value && Buffer.from(bytes.value).toString()]))
  }
  return records
}

test('a compacted directory: the dump tool accepts every file, a broker serves the same records, groups and lag', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-kafka-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const directory = join(folder, 'data')
  await writeCompacted(directory)
  expect(filesOf(directory, '.cleaned', '.swap')).toEqual([])

  const dump = await dumpLogSegments(filesOf(directory, '.log', '.index', '.timeindex', '.snapshot'))
  const harmless = /Non-consecutive offsets|\d+ is followed by \d+/
  expect(dump.problems.filter((problem) => !harmless.test(problem))).toEqual([])
  const cards = dump.files.filter(({ path }) => path.includes('cards-0')).flatMap((file) => file.batches)
  expect(cards.every((batch) => batch.isValid)).toBe(true)
  expect(cards.some((batch) => batch.count < batch.lastOffset - batch.baseOffset + 1)).toBe(true)
  expect(cards.some((batch) => batch.deleteHorizonMs !== null)).toBe(true)

  const states = await dumpLogSegments(partitionFiles(directory, [STATE], '.log'), { decode: 'transaction-log' })
  expect(states.problems.filter((problem) => !harmless.test(problem))).toEqual([])
  const missing = states.files.map(({ path, batches }) => {
    return (batches.at(-1)?.lastOffset ?? -1) + 1 - Number.parseInt(basename(path), 10) - batches.length
  })
  expect(Math.max(...missing), 'records that were compacted away').toBeGreaterThan(50)

  const ours = await (async () => {
    await using tide = await open(directory, { readOnly: true })
    return await recordsOf(tide)
  })()
  expect(ours.length).toBeLessThan(5000)
  const broker = await startBroker(directory, { properties: { 'offsets.retention.minutes': '2147483647' } })
  onTestFinished(() => broker.kill())
  const clients = javaClients(broker.bootstrap)
  const { records } = await clients.consume({ topics: ['cards'] })
  expect(
    records.map(({ offset, timestampMs, key, value }) => JSON.stringify([offset, timestampMs, key, value])),
  ).toEqual(ours)
  for (const group of GROUPS) {
    expect(await clients.offsets(group)).toMatchObject([{ topic: 'cards', partition: 0, committedOffset: 42 }])
  }
  await clients.produce({ topic: 'copies', count: 1, transaction: 'commit', transactionalId: 'java' })
  const reading = { topics: ['copies'], group: 'reads', reset: 'earliest', commit: false } as const
  expect((await clients.consume({ ...reading, isolation: 'read_committed' })).records).toHaveLength(41)
  await broker.stop()
  expect(broker.output()).not.toMatch(/CorruptRecordException|IllegalStateException|Unexpected error/)
})
