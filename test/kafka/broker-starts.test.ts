import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { open } from '../../sdk/index.ts'
import { type DirectoryContent, expectBrokerHas, readContent } from '../support/directory-content.ts'
import { GAP, leaveAKilledOwner, writeEveryFeature } from '../support/every-feature.ts'
import { BrokerFailed, complaints, javaClients, startBroker } from '../support/kafka.ts'

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

test('a real broker starts on our directory: every topic, record and commit is there, and Java consumers resume at them', async () => {
  const directory = createFolder()
  await writeEveryFeature(directory)
  await leaveAKilledOwner(directory)
  await (await open(directory)).close()
  const before = await readContent(directory)
  // A broker serves both sides of what was lost.
  const offsets = before.records.get(GAP.topic)?.map((line) => JSON.parse(line)[1])
  expect(offsets).toEqual([0, GAP.from - 1, GAP.to, GAP.to + 1])
  const broker = await startBroker(directory, { properties: { ...IMPATIENT, ...readmeProperties() } })
  onTestFinished(() => broker.kill())
  const clients = javaClients(broker.bootstrap)

  await expectBrokerHas(clients, before)
  await expectResumes(clients, 'shared', 'codec-none', before)
  await expectResumes(clients, 'killed', 'codec-gzip', before)
  await expectResumes(clients, 'segments-reader', 'segments', before)
  await expectResumes(clients, 'month-old-group', 'month-old', before)
  await broker.stop()
  expect(complaints(broker.output())).toEqual([])
  expect(readdirSync(directory).filter((name) => name.endsWith('-stray'))).toEqual([])
})

/** Both protocols, one after the other, get exactly the records that are not committed; neither commits. */
async function expectResumes(
  clients: ReturnType<typeof javaClients>,
  group: string,
  topic: string,
  before: DirectoryContent,
): Promise<void> {
  const expected = (before.records.get(topic) ?? [])
    .map((line) => JSON.parse(line) as [number, number])
    .filter(([partition, offset]) => offset >= (before.commits.get(group)?.get(`${topic}/${partition}`) ?? 0))
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
