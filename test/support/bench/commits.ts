import { mkdtempDisposableSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { percentile } from './percentile.ts'
import { Sqlite } from './sqlite.ts'
import { openTidemark } from './tidemark.ts'

/** One durable commit after the other, awaited: Tidemark's groups.commit against SQLite's upsert. */
export async function measureCommits(count: number): Promise<void> {
  using folder = mkdtempDisposableSync(join(tmpdir(), 'tidemark-bench-'))
  const tide = await openTidemark(folder.path)
  const sqlite = new Sqlite(folder.path)
  await tide.topic('records').ensure()
  const tidemark: number[] = []
  const rival: number[] = []
  for (let offset = 0; offset < count + 100; offset++) {
    const started = performance.now()
    // The topic is empty: what is measured is the commit, not what it says.
    await tide.groups.commit('g', [{ topic: 'records', partition: 0, offset }], { pastEnd: true })
    const between = performance.now()
    sqlite.commit(offset)
    if (offset < 100) continue
    tidemark.push(between - started)
    rival.push(performance.now() - between)
  }
  await tide.close()
  sqlite.close()
  console.log('\nOne durable commit, awaited, microseconds (p50, p99)')
  console.log(
    `  tidemark ${micros(tidemark, 0.5)}, ${micros(tidemark, 0.99)}; sqlite ${micros(rival, 0.5)}, ${micros(rival, 0.99)}`,
  )
}

function micros(times: readonly number[], part: number): number {
  return Math.round(percentile(times, part) * 1_000)
}
