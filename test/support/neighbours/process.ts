import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

export type Told = Readonly<Record<string, unknown>>

/** A real process with the directory open. */
export interface Neighbour {
  readonly pid: number
  /** All that it ever said, though it may have been killed. */
  evidence(): Told[]
  /** What was heard of it so far. */
  readonly told: readonly Told[]
  readonly errors: readonly string[]
  say(line: string): void
  /** The first thing it says, or has said since `from`, that fits. */
  until(fits: (told: Told) => boolean, from?: number): Promise<Told>
  kill(signal: NodeJS.Signals): void
  readonly exited: Promise<unknown>
}

export function createDirectory(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-neighbours-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'data')
}

/** Starts `worker.ts`, and waits until it has opened the directory. */
export async function startNeighbour(directory: string, variables: NodeJS.ProcessEnv = {}): Promise<Neighbour> {
  const program = fileURLToPath(new URL('worker.ts', import.meta.url))
  const child = spawn(process.execPath, [program, directory], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...variables },
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const told: Told[] = []
  const errors: string[] = []
  const waiting = new Set<() => void>()
  const wake = () => {
    for (const look of [...waiting]) look()
  }
  // With all that it had said.
  const exited = once(child, 'close').then(wake)
  child.stdin.on('error', () => {})
  createInterface({ input: child.stderr }).on('line', (line) => errors.push(line))
  createInterface({ input: child.stdout }).on('line', (line) => {
    told.push(JSON.parse(line) as Told)
    wake()
  })
  const neighbour: Neighbour = {
    pid: child.pid ?? -1,
    evidence() {
      const lines = readFileSync(`${directory}-${child.pid}.told`, 'utf8').split('\n')
      return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Told)
    },
    told,
    errors,
    exited,
    say: (line) => child.stdin.write(`${line}\n`),
    kill: (signal) => void child.kill(signal),
    until(fits, from = 0) {
      return new Promise((resolve, reject) => {
        let at = from
        const look = () => {
          for (; at < told.length; at++) {
            if (!fits(told[at]!)) continue
            waiting.delete(look)
            resolve(told[at]!)
            return
          }
          if (child.exitCode === null && child.signalCode === null) return
          waiting.delete(look)
          reject(new Error(`process ${child.pid} is gone: ${errors.join('\n')}`))
        }
        waiting.add(look)
        look()
      })
    },
  }
  await neighbour.until(({ kind }) => kind !== undefined)
  return neighbour
}
