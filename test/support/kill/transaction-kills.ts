/** A step in transactions, from `in` to `out`, in a process that is killed. */
import { setTimeout as sleep } from 'node:timers/promises'
import { open, string } from '../../../sdk/index.ts'
import { runWorker } from './run-worker.ts'

/** The numbers below `count` in `in`, and an empty `out`. Returns what is in it. */
export async function createInputs(directory: string, count: number): Promise<string[]> {
  const inputs = Array.from({ length: count }, (_, n) => `${n}`)
  await using tide = await open(directory)
  await tide.topic('out', { partitions: 2 }).ensure()
  const topic = tide.topic('in', { value: string, partitions: 3 })
  await topic.sendBatch(inputs.map((value) => ({ key: value, value })))
  return inputs
}

/**
 * Copies `in` to `out` in another process. Kills it a moment after so many transactions; `none`: lets it come to its end.
 * Says whether it was killed.
 */
export async function copyInTransactions(
  directory: string,
  kill: { readonly after: number; readonly delayMs: number } | 'none',
): Promise<boolean> {
  return await runWorker('transaction-worker.ts', [directory], (worker) => {
    let begun = 0
    worker.stdout.on('data', (chunk: Buffer) => {
      const before = begun
      begun += chunk.length
      if (kill === 'none' || before >= kill.after || begun < kill.after) return
      void sleep(kill.delayMs).then(() => worker.kill('SIGKILL'))
    })
  })
}
