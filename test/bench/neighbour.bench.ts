/**
 * `npm run bench -- neighbour [--records 200000 --singles 2000 --kills 50]`: what working through another process costs
 * against owning the directory, in one run, and how long it takes to take the place of an owner that is killed.
 *
 * A child process owns the directory and does nothing else; this one is its neighbour, does everything once, takes the
 * directory when the child goes, and does the same as the owner.
 */
import { mkdtempDisposableSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Tidemark } from '../../sdk/index.ts'
import { type Holder, startHolder } from '../support/bench/holder.ts'
import { percentile } from '../support/bench/percentile.ts'
import {
  openTidemark,
  tidemarkConsumeBatches,
  tidemarkConsumeRecords,
  tidemarkProduce,
} from '../support/bench/tidemark.ts'
import { Values } from '../support/bench/values.ts'

const { values: options } = parseArgs({
  options: {
    records: { type: 'string', default: '200000' },
    singles: { type: 'string', default: '2000' },
    kills: { type: 'string', default: '50' },
  },
})
const records = Number(options.records)
const singles = Number(options.singles)
const kills = Number(options.kills)
const VALUE_BYTES = 100

type Figures = Map<string, string>

await compare()
await takeOver()

async function compare(): Promise<void> {
  using folder = mkdtempDisposableSync(join(tmpdir(), 'tidemark-bench-'))
  const holder = await startHolder(folder.path)
  const tide = await openTidemark(folder.path)
  const asNeighbour = await measure(tide, 'neighbour')
  await holder.close()
  const asOwner = await measure(tide, 'owner')
  await tide.close()
  console.log(`${VALUE_BYTES} B values, every send and commit durable      neighbour           owner`)
  for (const [name, figure] of asNeighbour)
    console.log(`${name.padEnd(36)} ${figure.padStart(18)} ${asOwner.get(name)?.padStart(18)}`)
}

async function measure(tide: Tidemark, kind: 'neighbour' | 'owner'): Promise<Figures> {
  const values = new Values(VALUE_BYTES)
  const figures: Figures = new Map()
  await tidemarkProduce(tide, values, 2_000)
  if (tide.kind !== kind) throw new Error(`it is a ${tide.kind}`)
  figures.set('produce, batches of 1,000', await rate(records, () => tidemarkProduce(tide, values, records)))
  const topic = tide.topic('records')
  figures.set('send, one after the other', await latency(() => topic.send({ value: values.at(0) })))
  const sendMany = () =>
    Promise.all(Array.from({ length: singles }, (_, index) => topic.send({ value: values.at(index) })))
  figures.set('send, all at once', await rate(singles, sendMany))
  const total = (await topic.offsets('latest')).reduce((sum, { offset }) => sum + offset, 0)
  figures.set('consume, batches', await rate(total, () => tidemarkConsumeBatches(tide, `${kind}-batches`)))
  figures.set('consume, records', await rate(total, () => tidemarkConsumeRecords(tide, `${kind}-records`)))
  let offset = 0
  const commit = () => tide.groups.commit(`${kind}-commits`, [{ topic: 'records', partition: 0, offset: offset++ }])
  figures.set('commit, one after the other', await latency(commit))
  figures.set('read an offset that is committed', await latency(() => tide.groups.offsets(`${kind}-commits`)))
  return figures
}

async function rate(count: number, work: () => Promise<unknown>): Promise<string> {
  const startedMs = performance.now()
  await work()
  return `${Math.round((count / (performance.now() - startedMs)) * 1_000).toLocaleString('en-US')}/s`
}

/** p50 and p99 in microseconds. */
async function latency(work: () => Promise<unknown>): Promise<string> {
  const times: number[] = []
  for (let n = 0; n < singles; n++) {
    const startedMs = performance.now()
    await work()
    times.push((performance.now() - startedMs) * 1_000)
  }
  return `${rounded(times, 0.5)} (${rounded(times, 0.99)}) µs`
}

/** From the SIGKILL to the answer of a send that was handed over before it. */
async function takeOver(): Promise<void> {
  using folder = mkdtempDisposableSync(join(tmpdir(), 'tidemark-bench-'))
  const times: number[] = []
  for (let kill = 0; kill < kills; kill++) {
    const holder: Holder = await startHolder(folder.path)
    const tide = await openTidemark(folder.path)
    const topic = tide.topic('records')
    await topic.send({ value: Buffer.from('before') })
    const startedMs = performance.now()
    holder.kill()
    await topic.send({ value: Buffer.from('across') })
    // It may have been answered before the kernel had ended the process.
    await holder.exited
    await topic.send({ value: Buffer.from('after') })
    times.push(performance.now() - startedMs)
    if (tide.kind !== 'owner') throw new Error(`it is a ${tide.kind}`)
    await tide.close()
  }
  console.log(
    `Take-over after ${kills} SIGKILLs, until the next durable send is answered: p50 ${rounded(times, 0.5)} ms, p99 ${rounded(times, 0.99)} ms, slowest ${rounded(times, 1)} ms`,
  )
}

function rounded(times: readonly number[], part: number): number {
  return Math.round(percentile(times, part))
}
