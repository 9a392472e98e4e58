/** Writes everything the core can write into one directory, in several ownerships, one of which is killed. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { open, type Tidemark } from '../../sdk/index.ts'
import { type Environment, nodeEnvironment } from '../../sdk/testing.ts'

/** Older than Kafka's seven days of retention. */
const MONTH_OLD_MS = Date.now() - 35 * 24 * 3_600_000

export async function writeEveryFeature(directory: string): Promise<void> {
  await writeAMonthAgo(directory)
  await loseATail(directory)
  await using tide = await open(directory)
  await writeTopics(tide)
  await writeGroups(tide)
  await growAndDelete(tide)
}

/** Its end was cut off after an orderly stop: offsets 2 to 5 are gone, and the log went on behind them. */
export const GAP = { topic: 'gap', from: 2, to: 6 } as const

/** Flushed records that vanish while nobody is there, and what the next ownership writes then. */
async function loseATail(directory: string): Promise<void> {
  {
    await using tide = await open(directory)
    for (let n = 0; n < GAP.to; n++) await tide.topic(GAP.topic).send({ key: 'k', value: Buffer.from(`before ${n}`) })
  }
  const log = join(directory, `${GAP.topic}-0`, '00000000000000000000.log')
  truncateSync(log, Math.ceil((statSync(log).size / GAP.to) * GAP.from))
  const nobody = { info: () => {}, warn: () => {}, error: () => {} }
  await using tide = await open(directory, { logger: nobody })
  for (const n of [0, 1]) await tide.topic(GAP.topic).send({ key: 'k', value: Buffer.from(`after ${n}`) })
}

/** Records and commits of an ownership whose clock stood five weeks ago. */
async function writeAMonthAgo(directory: string): Promise<void> {
  const clock = { nowMs: () => MONTH_OLD_MS, monotonicMs: () => performance.now() }
  const environment: Environment = { ...nodeEnvironment(), clock }
  await using tide = await open(directory, { environment })
  const old = tide.topic('month-old')
  for (let day = 0; day < 5; day++) await old.send({ value: Buffer.from(`day ${day}`) })
  await tide.groups.commit('month-old-group', [{ topic: 'month-old', partition: 0, offset: 3 }])
}

async function writeTopics(tide: Tidemark): Promise<void> {
  for (const compression of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const) {
    const topic = tide.topic(`codec-${compression}`, { partitions: 2, compression })
    await topic.sendBatch(
      Array.from({ length: 50 }, (_, index) => ({ key: `key-${index}`, value: Buffer.from(`value-${index}`) })),
    )
    await topic.send({
      key: null,
      value: Buffer.from('x'),
      headers: [
        { key: 'a', value: Buffer.from('1') },
        { key: 'a', value: null },
      ],
      partition: 1,
    })
  }
  const segments = tide.topic('segments', { configs: { 'segment.bytes': '1048576', 'index.interval.bytes': '1024' } })
  for (let batch = 0; batch < 60; batch++) {
    await segments.sendBatch(
      Array.from({ length: 50 }, (_, index) => ({ value: Buffer.alloc(1_000, `${batch}-${index} `) })),
    )
  }
  const compacted = tide.topic('compacted', { configs: { 'cleanup.policy': 'compact' } })
  await compacted.sendBatch(
    Array.from({ length: 30 }, (_, index) => ({ key: `key-${index % 5}`, value: Buffer.from(`v${index}`) })),
  )
  const stamped = tide.topic('stamped', { configs: { 'message.timestamp.type': 'LogAppendTime' } })
  await stamped.send({ value: Buffer.from('stamped') })
  await tide.topic('never-written', { partitions: 3 }).ensure()
}

/** Two members share a group, one leaves; another group commits by hand; a third is left alone with its commits. */
async function writeGroups(tide: Tidemark): Promise<void> {
  const topic = tide.topic('codec-none', { partitions: 2 })
  const first = topic.consume({ group: 'shared' })[Symbol.asyncIterator]()
  await first.next()
  const second = topic.consume({ group: 'shared' })[Symbol.asyncIterator]()
  await second.next()
  await first.return?.()
  await second.return?.()
  let count = 0
  for await (const record of tide
    .topic('segments')
    .consume({ group: 'segments-reader', commit: { everyRecords: 100 } })) {
    if (++count === 1_500) {
      record.done()
      break
    }
  }
  await tide.groups.commit('by-hand', [
    { topic: 'codec-gzip', partition: 0, offset: 7, metadata: 'seven' },
    { topic: 'month-old', partition: 0, offset: 2 },
  ])
}

async function growAndDelete(tide: Tidemark): Promise<void> {
  await tide.topics.addPartitions('codec-zstd', 4)
  await tide.topic('codec-zstd', { partitions: 4 }).send({ value: Buffer.from('grown'), partition: 3 })
  await tide.topics.alterConfigs('codec-gzip', { 'max.message.bytes': '2000000' })
  await tide.topic('doomed').send({ value: Buffer.from('gone') })
  await tide.groups.commit('by-hand', [{ topic: 'doomed', partition: 0, offset: 1 }])
  await tide.topics.delete('doomed')
  await tide.topic('doomed').send({ value: Buffer.from('again') })
}

/** An owner with two members of a group, killed while both hold partitions. */
export async function leaveAKilledOwner(directory: string): Promise<void> {
  const program = fileURLToPath(new URL('killed-members.ts', import.meta.url))
  const child = spawn(process.execPath, [program, directory], { stdio: ['ignore', 'inherit', 'inherit'] })
  const [, signal] = await once(child, 'exit')
  if (signal !== 'SIGKILL') throw new Error('the owner should have killed itself')
}
