/**
 * `npm run bench [-- --records 200000 --rounds 5]`: Tidemark against the floor and against SQLite, in one run.
 *
 * Ratios only: machines differ and are noisy. The cases of a round run one after the other and their order turns round
 * every other round. Every case returns what it summed up, and a wrong sum fails the run.
 */
import { mkdtempDisposableSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { crc32cImplementation } from '../../sdk/record/crc32c.ts'
import { measureCommitBytes } from '../support/bench/commit-bytes.ts'
import { measureCommits } from '../support/bench/commits.ts'
import { floorConsume, floorProduce } from '../support/bench/floor.ts'
import { measureOpen } from '../support/bench/opening.ts'
import { Sqlite } from '../support/bench/sqlite.ts'
import {
  openTidemark,
  tidemarkConsumeBatches,
  tidemarkConsumeRecords,
  tidemarkProduce,
} from '../support/bench/tidemark.ts'
import { Values } from '../support/bench/values.ts'

const { values: options } = parseArgs({
  options: {
    records: { type: 'string', default: '500000' },
    rounds: { type: 'string', default: '5' },
    commits: { type: 'string', default: '2000' },
    'open-megabytes': { type: 'string', default: '1024' },
  },
})
const records = Number(options.records)
const rounds = Number(options.rounds)

interface Case {
  readonly name: string
  readonly run: () => unknown
}

console.log(
  `Node ${process.version}, CRC-32C by ${crc32cImplementation}, ${records} records, ${rounds} rounds, median (min–max).`,
)
console.log(
  'Sync: every produce is followed by fdatasync (SQLite: WAL, synchronous=FULL); consuming commits about every 1,000.',
)
for (const sizeBytes of [100, 1024]) await compare(sizeBytes)
await measureCommits(Number(options.commits))
await measureCommitBytes(Math.min(records, 120_000))
await measureOpen(Number(options['open-megabytes']))

async function compare(sizeBytes: number): Promise<void> {
  const values = new Values(sizeBytes)
  const expected = values.sum(records)
  const times = new Map<string, number[]>()
  for (let round = -1; round < rounds; round++) {
    using folder = mkdtempDisposableSync(join(tmpdir(), 'tidemark-bench-'))
    const tide = await openTidemark(folder.path)
    const sqlite = new Sqlite(folder.path)
    const cases: Case[][] = [
      [
        { name: 'produce floor', run: () => floorProduce(folder.path, values, records) },
        { name: 'produce tidemark', run: () => tidemarkProduce(tide, values, records) },
        { name: 'produce sqlite', run: () => sqlite.produce(values, records) },
      ],
      [
        { name: 'consume floor', run: () => floorConsume(folder.path, { fresh: false }) },
        { name: 'consume floor, own views', run: () => floorConsume(folder.path, { fresh: true }) },
        { name: 'consume tidemark batches', run: () => tidemarkConsumeBatches(tide, 'batches') },
        { name: 'consume tidemark records', run: () => tidemarkConsumeRecords(tide, 'records') },
        { name: 'consume sqlite', run: () => sqlite.consume() },
      ],
    ]
    for (const group of cases) {
      for (const { name, run } of round % 2 === 0 ? group : group.toReversed()) {
        const started = performance.now()
        const sum = await run()
        const took = performance.now() - started
        if (sum !== undefined && sum !== expected) throw new Error(`${name} read ${sum}, expected ${expected}`)
        // The first round warms up code and disk.
        if (round >= 0) times.set(name, [...(times.get(name) ?? []), took])
      }
    }
    await tide.close()
    sqlite.close()
  }
  console.log(`\n${sizeBytes} B values`)
  for (const [name, took] of times) console.log(`  ${name.padEnd(26)} ${rate(took)}`)
  ratio('produce: tidemark ÷ floor', times, 'produce floor', 'produce tidemark')
  ratio('produce: tidemark ÷ sqlite', times, 'produce sqlite', 'produce tidemark')
  ratio('batches: tidemark ÷ floor', times, 'consume floor', 'consume tidemark batches')
  ratio('… ÷ floor with own views', times, 'consume floor, own views', 'consume tidemark batches')
  ratio('batches: tidemark ÷ sqlite', times, 'consume sqlite', 'consume tidemark batches')
  ratio('for await: tidemark ÷ sqlite', times, 'consume sqlite', 'consume tidemark records')
}

function rate(times: readonly number[]): string {
  const perSecond = times.map((ms) => (records / ms) * 1_000).sort((a, b) => a - b)
  const show = (value: number | undefined) => Math.round(value ?? 0).toLocaleString('en-US')
  return `${show(perSecond[Math.floor(perSecond.length / 2)]).padStart(12)} records/s (${show(perSecond[0])}–${show(perSecond.at(-1))})`
}

/** How many times faster the second is, round by round. */
function ratio(name: string, times: ReadonlyMap<string, number[]>, slow: string, fast: string): void {
  const slows = times.get(slow) ?? []
  const fasts = times.get(fast) ?? []
  const ratios = slows.map((ms, round) => ms / (fasts[round] ?? Number.NaN)).sort((a, b) => a - b)
  const show = (value: number | undefined) => (value ?? Number.NaN).toFixed(2)
  console.log(
    `  ${name.padEnd(30)} ${show(ratios[Math.floor(ratios.length / 2)])} (${show(ratios[0])}–${show(ratios.at(-1))})`,
  )
}
