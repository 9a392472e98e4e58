/** One JVM for all calls of a test process: the first call pays for its start, the others for their work only. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { javaArguments } from './java.ts'
import { javaProgram } from './kafka-installation.ts'

interface Answer {
  readonly id: string
  readonly lines?: unknown[]
  readonly error?: string
}

class JavaServer {
  readonly #child: ChildProcess
  readonly #waiting = new Map<string, { resolve(lines: unknown[]): void; reject(error: Error): void }>()
  #calls = 0
  #stderr = ''

  constructor(child: ChildProcess) {
    this.#child = child
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text
    })
    if (child.stdout) createInterface({ input: child.stdout }).on('line', (line) => this.#answer(JSON.parse(line)))
    child.once('close', () => {
      for (const { reject } of this.#waiting.values())
        reject(new Error(`The JVM ended.\n${this.#stderr.slice(-4_000)}`))
    })
    // It ends when this process ends, because its standard input does.
    child.unref()
    for (const stream of [child.stdin, child.stdout, child.stderr]) unref(stream)
  }

  call(args: readonly string[]): Promise<unknown[]> {
    const id = String(++this.#calls)
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#child.stdin?.write(`${JSON.stringify([id, ...args])}\n`)
    })
  }

  end(): void {
    this.#waiting.clear()
    this.#child.kill('SIGKILL')
  }

  #answer(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id)
    this.#waiting.delete(answer.id)
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
