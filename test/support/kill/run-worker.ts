import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

export type Worker = ChildProcessByStdio<null, Readable, Readable>

/** Runs a program of this folder until it ends, or somebody kills it. Returns whether it was killed; throws where it failed. */
export async function runWorker(
  program: string,
  args: readonly string[],
  watch: (worker: Worker) => void = () => {},
): Promise<boolean> {
  const path = fileURLToPath(new URL(program, import.meta.url))
  const worker = spawn(process.execPath, [path, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  worker.stdout.resume()
  watch(worker)
  const [errors, [code, signal]] = await Promise.all([text(worker.stderr), once(worker, 'close')])
  if (signal !== 'SIGKILL' && code !== 0) throw new Error(`the worker failed: ${errors}`)
  return signal === 'SIGKILL'
}
