import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** A process that owns a directory and does nothing else. */
export interface Holder {
  readonly exited: Promise<unknown>
  close(): Promise<void>
  kill(): void
}

export async function startHolder(folder: string): Promise<Holder> {
  const program = fileURLToPath(new URL('holding-process.ts', import.meta.url))
  const child = spawn(process.execPath, [program, folder], { stdio: ['pipe', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  await once(child.stdout, 'data')
  return {
    exited,
    async close() {
      child.stdin.end()
      await exited
    },
    kill: () => void child.kill('SIGKILL'),
  }
}
