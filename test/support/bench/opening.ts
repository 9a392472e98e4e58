import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempDisposableSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openTidemark } from './tidemark.ts'

/** Opens a directory whose owner was killed while it wrote. */
export async function measureOpen(megabytes: number): Promise<void> {
  using folder = mkdtempDisposableSync(join(tmpdir(), 'tidemark-bench-'))
  const program = fileURLToPath(new URL('killed-writer.ts', import.meta.url))
  const child = spawn(process.execPath, [program, folder.path, String(megabytes)], { stdio: 'inherit' })
  const [, signal] = await once(child, 'exit')
  if (signal !== 'SIGKILL') throw new Error('the writer should have been killed')
  const started = performance.now()
  const tide = await openTidemark(folder.path)
  const opened = performance.now() - started
  const ends = await tide.topic('records').offsets('latest')
  await tide.close()
  console.log(
    `\nOpen after a kill with ${megabytes} MB: ${Math.round(opened)} ms, ${ends[0]?.offset.toLocaleString('en-US')} records`,
  )
}
