import { spawn } from 'node:child_process'

export interface ProcessResult {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
  /** Written to standard input, which then ends. */
  readonly input?: string
  /** After this the process is killed. Default 60,000. */
  readonly timeoutMs?: number
}

/** Runs a program to its end. Rejects only if it cannot be started; its exit code is in the result. */
export function runProcess(command: string, args: readonly string[], options: RunOptions = {}): Promise<ProcessResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: options.timeoutMs ?? 60_000,
      killSignal: 'SIGKILL',
    })
    const stdout: Buffer[] = []
    const stderr: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
    child.once('error', reject)
    child.once('close', (code, signal) => {
      resolve({ code, signal, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() })
    })
    // A process that never reads its input is no error of ours.
    child.stdin.on('error', () => {})
    child.stdin.end(options.input ?? '')
  })
}

/** The same, but anything else than exit code 0 rejects, with what the process said. */
export async function runChecked(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<ProcessResult> {
  const result = await runProcess(command, args, options)
  if (result.code === 0) return result
  const how = result.signal ? `was ended by ${result.signal}` : `exited with ${result.code}`
  const shown = [command, ...args].join(' ').slice(0, 500)
  throw new Error(`${shown}\n${how}\n${result.stdout.slice(-4_000)}\n${result.stderr.slice(-4_000)}`)
}
