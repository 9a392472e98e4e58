import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

/** A Node process running a .ts file of this folder; its lines of JSON are awaited one by one. */
export function createChildProcess(script: string, args: readonly string[], env: Record<string, string> = {}) {
  const path = fileURLToPath(new URL(script, import.meta.url))
  const child = spawn(process.execPath, [path, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  })
  const exited = once(child, 'exit')
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const nextAnswer = async (): Promise<Record<string, unknown>> => {
    const line = await lines.next()
    if (line.done) throw new Error(`${script} ended without an answer`)
    return JSON.parse(line.value) as Record<string, unknown>
  }
  return {
    pid: child.pid ?? -1,
    exited,
    nextAnswer,
    async ask(command: string): Promise<unknown> {
      child.stdin.write(`${command}\n`)
      return (await nextAnswer())['result']
    },
    signal: (name: NodeJS.Signals) => child.kill(name),
    endInput: () => child.stdin.end(),
  }
}
