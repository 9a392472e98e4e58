/** A step in transactions, from `in` to `out`, in a process that is killed. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { open, string } from '../../../sdk/index.ts'

/** The numbers below `count` in `in`, and an empty `out`. Returns what is in it. */
export async function createInputs(directory: string, count: number): Promise<string[]> {
  const inputs = Array.from({ length: count }, (_, n) => `${n}`)
  await using tide = await open(directory)
  await tide.topic('out', { partitions: 2 }).ensure()
  const topic = tide.topic('in', { value: string, partitions: 3 })
  await topic.sendBatch(inputs.map((value) => ({ key: value, value })))
  return inputs
}

/** Kills the worker a moment after so many transactions; `none`: lets it come to its end. Says whether it was killed. */
export async function runWorker(
  directory: string,
  kill: { readonly after: number; readonly delayMs: number } | 'none',
): Promise<boolean> {
  const program = fileURLToPath(new URL('transaction-worker.ts', import.meta.url))
  const child = spawn(process.execPath, [program, directory], { stdio: ['ignore', 'pipe', 'pipe'] })
  let errors = ''
  let begun = 0
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk
  })
  child.stdout.on('data', (chunk: Buffer) => {
    const before = begun
    begun += chunk.length
    if (kill === 'none' || before >= kill.after || begun < kill.after) return
    void sleep(kill.delayMs).then(() => child.kill('SIGKILL'))
  })
  const [code, signal] = await once(child, 'close')
  if (signal !== 'SIGKILL' && code !== 0) throw new Error(`the worker failed: ${errors}`)
  return signal === 'SIGKILL'
}
