/**
 * One process of the benchmark with many partitions and groups: `node many-owner.ts FOLDER STEP TOPICS PARTITIONS GROUPS`.
 * Prints what it measured as one JSON line.
 *
 * - `fill`: creates the topics, sends two records to every partition, commits for every group, closes.
 * - `use`: opens, asks for every lag, commits, closes.
 * - `follow`: the same for a follower, which cannot commit.
 * - `kill`: opens, sends to every partition, dies.
 */
import { readdirSync } from 'node:fs'
import { open, type Tidemark } from '../../../sdk/index.ts'

const [folder = '', step = '', ...sizes] = process.argv.slice(2)
const [topics = 1, partitions = 1, groups = 1] = sizes.map(Number)
/** Each group reads so many partitions of one topic. */
const PER_GROUP = Math.min(3, partitions)
const COMMITS = 200

const figures: Record<string, number> = {}
const baseBytes = process.memoryUsage.rss()
const started = performance.now()
const tide = await open(folder, { readOnly: step === 'follow' })
figures['open'] = performance.now() - started
if (step === 'fill') await fill(tide)
if (step === 'kill') {
  await sendToAll(tide)
  process.kill(process.pid, 'SIGKILL')
}
if (step === 'use' || step === 'follow') await use(tide)
figures['descriptors'] = countDescriptors()
figures['megabytes'] = (process.memoryUsage.rss() - baseBytes) / 1_048_576
await timed('close', () => tide.close())
console.log(JSON.stringify(figures))

async function fill(tide: Tidemark): Promise<void> {
  await timed('create', async () => {
    for (let topic = 0; topic < topics; topic++) await tide.topic(`topic-${topic}`, { partitions }).ensure()
  })
  await timed('first send', () => sendToAll(tide))
  await timed('next send', () => sendToAll(tide))
  await timed('first commits', async () => {
    for (let group = 0; group < groups; group++) await commit(tide, group, 1)
  })
}

/** One record to every partition, all at once. */
async function sendToAll(tide: Tidemark): Promise<void> {
  const value = Buffer.from('x')
  const sends = Array.from({ length: topics }, (_, topic) => {
    const records = Array.from({ length: partitions }, (_, partition) => ({ value, partition }))
    return tide.topic(`topic-${topic}`, { partitions }).sendBatch(records)
  })
  await Promise.all(sends)
}

async function use(tide: Tidemark): Promise<void> {
  const rows = await timed('lag', () => tide.lag())
  if (rows.length !== groups * PER_GROUP) throw new Error(`${rows.length} rows of lag`)
  if (rows.some(({ lag }) => lag === null || lag < 1)) throw new Error('a lag is wrong')
  await timed('lag again', () => tide.lag())
  if (step === 'follow') return
  const times: number[] = []
  for (let turn = 0; turn < COMMITS; turn++) {
    const before = performance.now()
    await commit(tide, turn % groups, 1)
    times.push(performance.now() - before)
  }
  figures['commit p50'] = times.toSorted((a, b) => a - b)[COMMITS >> 1] ?? Number.NaN
}

async function commit(tide: Tidemark, group: number, offset: number): Promise<void> {
  const topic = `topic-${group % topics}`
  const offsets = Array.from({ length: PER_GROUP }, (_, at) => ({
    topic,
    partition: (group + at) % partitions,
    offset,
  }))
  await tide.groups.commit(`group-${group}`, offsets)
}

async function timed<T>(name: string, work: () => Promise<T>): Promise<T> {
  const before = performance.now()
  const result = await work()
  figures[name] = performance.now() - before
  return result
}

/** Linux tells; elsewhere −1. */
function countDescriptors(): number {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return -1
  }
}
