/** One JVM for all calls of a test process: the first call pays for its start, the others for their work only. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { javaArguments } from './java.ts'
import { javaProgram } from './kafka-installation.ts'

/** Longer than any of Kafka's own time limits that a call may run into. */
const CALL_TIMEOUT_MS = 100_000

interface Answer {
  readonly id: string
  readonly lines?: unknown[]
  readonly error?: string
}

interface Waiting {
  resolve(lines: unknown[]): void
  reject(error: Error): void
  readonly timer: NodeJS.Timeout
}

class JavaServer {
  readonly #child: ChildProcess
  readonly #waiting = new Map<string, Waiting>()
  #calls = 0
  #stderr = ''

  constructor(child: ChildProcess) {
    this.#child = child
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text
    })
    if (child.stdout) createInterface({ input: child.stdout }).on('line', (line) => this.#answer(JSON.parse(line)))
    child.once('close', () => {
      for (const id of this.#waiting.keys()) this.#answer({ id, error: `The JVM ended.\n${this.#log}` })
    })
    // It ends when this process ends, because its standard input does.
    child.unref()
    for (const stream of [child.stdin, child.stdout, child.stderr]) unref(stream)
  }

  call(args: readonly string[]): Promise<unknown[]> {
    const id = String(++this.#calls)
    return new Promise((resolve, reject) => {
      const late = () =>
        this.#answer({ id, error: `No answer in ${CALL_TIMEOUT_MS} ms to ${args.join(' ')}\n${this.#log}` })
      this.#waiting.set(id, { resolve, reject, timer: setTimeout(late, CALL_TIMEOUT_MS) })
      this.#child.stdin?.write(`${JSON.stringify([id, ...args])}\n`)
    })
  }

  /** Whoever waits for an answer waits on. */
  end(): void {
    for (const { timer } of this.#waiting.values()) clearTimeout(timer)
    this.#waiting.clear()
    this.#child.kill('SIGKILL')
  }

  get #log(): string {
    return this.#stderr.slice(-4_000)
  }

  #answer(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id)
    this.#waiting.delete(answer.id)
    clearTimeout(waiting?.timer)
    if (answer.lines) waiting?.resolve(answer.lines)
    else waiting?.reject(new Error(answer.error))
  }
}

function unref(stream: unknown): void {
  if (typeof stream === 'object' && stream && 'unref' in stream && typeof stream.unref === 'function') stream.unref()
}

let server: Promise<JavaServer> | undefined

/** Calls a sub-command of test/kafka/java/Clients.java; resolves with the JSON values it printed. */
export async function callJava(args: readonly string[]): Promise<unknown[]> {
  server ??= javaArguments('Clients', ['serve']).then(
    (all) => new JavaServer(spawn(javaProgram('java'), all, { stdio: ['pipe', 'pipe', 'pipe'] })),
  )
  return (await server).call(args)
}

/** Ends that JVM with all members and producers in it, as a crash would; the next call starts another. */
export async function endJava(): Promise<void> {
  const ending = server
  server = undefined
  ;(await ending)?.end()
}
