import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { open } from '../../sdk/index.ts'
import { leaveAKilledOwner, writeEveryFeature } from '../support/every-feature.ts'
import { BrokerFailed, javaClients, startBroker } from '../support/kafka.ts'

function createFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-kafka-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'data')
}

/** The settings the README asks for, as far as they are not addresses. */
function readmeProperties(): Record<string, string> {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
  const block = /```properties\n([\s\S]*?)```/.exec(readme)?.[1] ?? ''
  const lines = block.split('\n').filter((line) => /^offsets\./.test(line))
  return Object.fromEntries(lines.map((line) => line.split('=') as [string, string]))
}

/** Whatever would expire would expire at once. */
const IMPATIENT = {
  'log.initial.task.delay.ms': '500',
  'log.retention.check.interval.ms': '1000',
  'offsets.retention.check.interval.ms': '1000',
}

interface Before {
  readonly topics: Map<string, { topicId: string; partitions: number; configs: Record<string, string> }>
  readonly records: Map<string, string[]>
  readonly commits: Map<string, number>
}

/** What our own client says about the directory. */
async function readWithTidemark(directory: string): Promise<Before> {
  await using tide = await open(directory, { readOnly: true })
  const before: Before = { topics: new Map(), records: new Map(), commits: new Map() }
  for (const { name, internal } of await tide.topics.list()) {
    const { topicId, partitions, configs } = await tide.topics.describe(name)
    const own = Object.fromEntries(
      configs.filter((config) => !config.isDefault).map((config) => [config.name, config.value]),
    )
    before.topics.set(name, { topicId, partitions: partitions.length, configs: own })
    if (internal) continue
    const records: string[] = []
    for await (const record of tide.topic(name).read({ from: 'earliest', follow: false })) {
      const { partition, offset, timestampMs, key, bytes } = record
      records.push(
        JSON.stringify([
          partition,
          offset,
          timestampMs,
          key,
          bytes.value === null ? null : Buffer.from(bytes.value).toString(),
        ]),
      )
    }
    before.records.set(name, records.sort())
  }
  for (const { group } of await tide.groups.list()) {
    for (const { topic, partition, offset } of await tide.groups.offsets(group))
      before.commits.set(`${group}/${topic}/${partition}`, offset)
  }
  return before
}

test('a real broker starts on our directory: every topic, record and commit is there, and Java consumers resume at them', async () => {
  const directory = createFolder()
  await writeEveryFeature(directory)
  await leaveAKilledOwner(directory)
  await (await open(directory)).close()
  const before = await readWithTidemark(directory)
  const broker = await startBroker(directory, { properties: { ...IMPATIENT, ...readmeProperties() } })
  onTestFinished(() => broker.kill())
  const clients = javaClients(broker.bootstrap)

  const topics = await clients.topics()
  for (const [name, ours] of before.topics) {
    const theirs = topics.find(({ topic }) => topic === name)
    expect(theirs?.topicId, name).toBe(ours.topicId)
    expect(theirs?.partitions.length, name).toBe(ours.partitions)
    expect(theirs?.configs, name).toEqual(ours.configs)
  }
  for (const [name, ours] of before.records) {
    const { records } = await clients.consume({ topics: [name] })
    const theirs = records.map(({ partition, offset, timestampMs, key, value }) =>
      JSON.stringify([partition, offset, timestampMs, key, value]),
    )
    expect(theirs.sort(), name).toEqual(ours)
  }
  for (const group of new Set([...before.commits.keys()].map((key) => key.split('/')[0] ?? ''))) {
    const theirs = (await clients.offsets(group)).map(({ topic, partition, committedOffset }) => [
      `${group}/${topic}/${partition}`,
      committedOffset,
    ])
    expect(new Map(theirs as [string, number][]), group).toEqual(
      new Map([...before.commits].filter(([key]) => key.startsWith(`${group}/`))),
    )
  }
  await expectResumes(clients, 'shared', 'codec-none', before)
  await expectResumes(clients, 'killed', 'codec-gzip', before)
  await expectResumes(clients, 'segments-reader', 'segments', before)
  await expectResumes(clients, 'month-old-group', 'month-old', before)
  await broker.stop()
  expect(complaints(broker.output())).toEqual([])
  expect(readdirSync(directory).filter((name) => name.endsWith('-stray'))).toEqual([])
})

/**
 * What a broker logs when it cannot make sense of a directory. "Failed to load metadata … no longer the leader" is not
 * among it: a partition it becomes the leader of while it starts may be loaded twice, the first time in vain. Whether the
 * groups were loaded is seen by asking for every one of them.
 */
function complaints(output: string): string[] {
  return output
    .split('\n')
    .filter((line) => /FATAL|Unexpected error|IllegalStateException|CorruptRecordException/.test(line))
}

/** Both protocols, one after the other, get exactly the records that are not committed; neither commits. */
async function expectResumes(
  clients: ReturnType<typeof javaClients>,
  group: string,
  topic: string,
  before: Before,
): Promise<void> {
  const expected = (before.records.get(topic) ?? [])
    .map((line) => JSON.parse(line) as [number, number])
    .filter(([partition, offset]) => offset >= (before.commits.get(`${group}/${topic}/${partition}`) ?? 0))
    .map(([partition, offset]) => `${partition}@${offset}`)
    .sort()
  expect(expected.length).toBeGreaterThan(0)
  for (const protocol of ['consumer', 'classic'] as const) {
    const { records } = await clients.consume({ topics: [topic], group, protocol, reset: 'earliest', commit: false })
    expect(records.map(({ partition, offset }) => `${partition}@${offset}`).sort(), `${group} by ${protocol}`).toEqual(
      expected,
    )
  }
}

test('while Node owns the directory the broker refuses to start, and the other way round', async () => {
  const directory = createFolder()
  const tide = await open(directory)
  await tide.topic('t').send({ value: Buffer.from('x') })
  await expect(startBroker(directory)).rejects.toThrow(BrokerFailed)
  await tide.topic('t').send({ value: Buffer.from('still the owner') })
  await tide.close()

  const broker = await startBroker(directory)
  onTestFinished(() => broker.kill())
  await expect(open(directory, { waitMs: 200 })).rejects.toMatchObject({ code: 'DIRECTORY_IN_USE' })
  await broker.stop()
})

test('a paused owner still owns the directory: the broker refuses to start', async () => {
  const directory = createFolder()
  const program = fileURLToPath(new URL('../support/holding-owner.ts', import.meta.url))
  const child = spawn(process.execPath, [program, directory], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  child.kill('SIGSTOP')
  await expect(startBroker(directory)).rejects.toThrow(BrokerFailed)
})
