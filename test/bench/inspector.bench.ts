/**
 * `npm run bench -- inspector [--groups 5000 --partitions 4 --commits 200 --idle-seconds 60]`: how the inspector's model
 * keeps up with a program that commits in another process. Without VS Code: what its extension host does before it draws.
 */
import { mkdtempSync, rmSync, watch } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { QuantityWords } from '../../extension/model/quantity-words.ts'
import { rowChanges } from '../../extension/model/row-changes.ts'
import { DEFAULT_LOOK } from '../../extension/model/tree-look.ts'
import type { TreeRow } from '../../extension/model/tree-row.ts'
import { treeRows } from '../../extension/model/tree-rows.ts'
import { DataSource } from '../../extension/source/data-source.ts'
import { CommittingProgram } from '../support/bench/committing-program.ts'
import { percentile } from '../support/bench/percentile.ts'

const { values: options } = parseArgs({
  options: {
    groups: { type: 'string', default: '5000' },
    partitions: { type: 'string', default: '4' },
    commits: { type: 'string', default: '200' },
    'idle-seconds': { type: 'string', default: '60' },
  },
})
const FEW_GROUPS = 20
const PAUSE_MS = 50

/** What the extension host keeps: the rows that are drawn, and which were drawn again. */
class Inspector implements AsyncDisposable {
  readonly source: DataSource
  rows: readonly TreeRow[] = []
  drawnRows = 0
  readonly #words = new QuantityWords('en')
  readonly #watcher: { close(): void }
  readonly #seen: (rows: readonly TreeRow[]) => void

  constructor(directory: string, seen: (rows: readonly TreeRow[]) => void = () => {}) {
    this.#seen = seen
    this.source = new DataSource(directory, 'data', () => this.#draw())
    this.#watcher = watch(directory, { recursive: true }, () => this.source.schedule.touch())
  }

  #draw(): void {
    const rows = treeRows([this.source.snapshot], DEFAULT_LOOK, { words: this.#words, nowMs: Date.now() })
    this.drawnRows += rowChanges(this.rows, rows).ids.length
    this.rows = rows
    this.#seen(rows)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#watcher.close()
    await this.source.dispose()
  }
}

const folder = mkdtempSync(join(tmpdir(), 'tidemark-inspector-'))
try {
  await crowd(join(folder, 'crowd'))
  await live(join(folder, 'live'))
} finally {
  rmSync(folder, { recursive: true, force: true })
}

/** Very many groups: the first tree, one commit, memory. */
async function crowd(directory: string): Promise<void> {
  const { groups, partitions } = options
  console.log(`${groups} groups × ${partitions} partitions (wall clock, processor time)`)
  await using program = await CommittingProgram.start(directory, groups, partitions)
  await using inspector = new Inspector(directory)
  await timed('first complete tree', () => inspector.source.schedule.now())
  await timed('a look at nothing new', () => inspector.source.schedule.now())
  for (const [turn, name] of ['one commit', 'one commit again', 'one commit once more'].entries()) {
    await program.commit(turn, 1_900)
    await timed(name, () => inspector.source.schedule.now())
  }
  const { rss, heapUsed } = process.memoryUsage()
  console.log(`  memory: ${megabytes(rss)} MiB, of which ${megabytes(heapUsed)} MiB are objects`)
}

/** A few groups: from commit to changed text, rows drawn, and the processor when nothing happens. */
async function live(directory: string): Promise<void> {
  await using program = await CommittingProgram.start(directory, String(FEW_GROUPS), '1')
  const waiting = new Map<string, { readonly text: string; readonly seen: (atMs: number) => void }>()
  await using inspector = new Inspector(directory, (rows) => {
    const atMs = performance.timeOrigin + performance.now()
    for (const { label, description } of rows) {
      const wanted = waiting.get(label)
      if (wanted !== undefined && description.startsWith(wanted.text)) wanted.seen(atMs)
    }
  })
  await inspector.source.schedule.now()
  inspector.source.schedule.demand = 'live'
  const tookMs: number[] = []
  inspector.drawnRows = 0
  for (let turn = 0; turn < Number(options.commits); turn++) {
    const group = turn % FEW_GROUPS
    const offset = 20 + turn
    const seen = new Promise<number>((resolve) => {
      const words = new QuantityWords('en')
      waiting.set(`group-${group}`, { text: `${words.digits(2_000 - offset)} behind`, seen: resolve })
    })
    const committedAtMs = await program.commit(group, offset)
    tookMs.push((await seen) - committedAtMs)
    waiting.clear()
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
  }
  console.log(`${FEW_GROUPS} groups, ${options.commits} commits in a running program`)
  const [half, most] = [0.5, 0.95].map((part) => Math.round(percentile(tookMs, part)))
  console.log(`  from commit to changed text: p50 ${half} ms, p95 ${most} ms`)
  console.log(`  rows drawn again: ${inspector.drawnRows}`)
  const idleMs = Number(options['idle-seconds']) * 1_000
  const before = process.cpuUsage()
  await new Promise((resolve) => setTimeout(resolve, idleMs))
  const { user, system } = process.cpuUsage(before)
  console.log(`  processor while nothing happens: ${((user + system) / idleMs / 10).toFixed(2)} %`)
}

async function timed(name: string, work: () => Promise<void>): Promise<void> {
  const before = process.cpuUsage()
  const startedMs = performance.now()
  await work()
  const wallMs = performance.now() - startedMs
  const { user, system } = process.cpuUsage(before)
  console.log(`  ${name}: ${Math.round(wallMs)} ms, ${Math.round((user + system) / 1_000)} ms`)
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1_048_576)
}
