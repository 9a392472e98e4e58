import type { Environment } from '../environment/environment.ts'
import { nodeEnvironment } from '../environment/node-environment.ts'

/**
 * Where a command reads and prints. The only file of the command line that touches `process`: everything else gets a
 * `Terminal`, so tests run whole commands in memory.
 */
export interface Terminal {
  /** What stands behind the program's name. */
  readonly arguments: readonly string[]
  readonly variables: Readonly<Record<string, string | undefined>>
  /** Node and the machine, for people. */
  readonly platform: string
  /** Disk, clock, timers and lock the command works with. */
  readonly environment: Environment
  readonly input: AsyncIterable<Uint8Array>
  /** A person types the input. */
  readonly isInputTerminal: boolean
  readonly output: Sink
  readonly errors: Sink
  /** Aborts when the user interrupts the command, or the reader of its output has gone. */
  readonly signal: AbortSignal
  /**
   * Calls `pressed` with every key, none of which does anything else then: Ctrl-C is `\x03`. Nothing where nobody types.
   * Returns what ends it.
   */
  onKey(pressed: (key: string) => void): () => void
  /** Calls `changed` after the size of the output may have changed. Returns what ends it. */
  onResize(changed: () => void): () => void
}

/** A stream to print on. */
export interface Sink {
  /** A person may be looking: colours, progress and redrawing make sense. */
  readonly isTerminal: boolean
  /** How many characters fit into its lines; undefined where lines are as long as they like. */
  readonly columns?: number | undefined
  /** How many lines are seen at the same time; undefined where nobody is looking. */
  readonly rows?: number | undefined
  /** True once the reader has gone (`| head`): nothing printed from now on reaches anybody. */
  readonly isClosed: boolean
  /** Resolves once the stream has it, or its reader has gone; rejects where it cannot be written (a full disk). */
  write(text: string): Promise<void>
}

/** This process's own terminal. The first SIGINT or SIGTERM ends the command in good order, the second kills it. */
export function processTerminal(): Terminal {
  const controller = new AbortController()
  const stop = () => controller.abort()
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  return {
    arguments: process.argv.slice(2),
    variables: process.env,
    platform: `Node ${process.version}, ${process.platform} ${process.arch}`,
    environment: nodeEnvironment(),
    input: process.stdin,
    isInputTerminal: process.stdin.isTTY === true,
    output: streamSink(process.stdout, stop),
    // Messages that nobody reads are no reason to stop.
    errors: streamSink(process.stderr, () => {}),
    signal: controller.signal,
    onKey,
    onResize(changed) {
      process.stdout.on('resize', changed)
      return () => process.stdout.off('resize', changed)
    },
  }
}

function onKey(pressed: (key: string) => void): () => void {
  const { stdin } = process
  if (stdin.isTTY !== true) return () => {}
  const listener = (chunk: Buffer): void => pressed(chunk.toString())
  stdin.setRawMode(true)
  stdin.on('data', listener)
  return () => {
    stdin.off('data', listener)
    stdin.setRawMode(false)
    stdin.pause()
  }
}

/** Ends the process with `code` once what is left has ended; an input nobody reads any more does not hold it up. */
export function exitProcess(code: number): void {
  process.exitCode = code
  process.stdin.destroy()
}

function streamSink(stream: NodeJS.WriteStream, closed: () => void): Sink {
  let isClosed = false
  // A stream without this listener would crash the process with EPIPE as soon as `head` has seen enough.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (!isReaderGone(error)) return
    isClosed = true
    closed()
  })
  return {
    isTerminal: stream.isTTY === true,
    get columns() {
      return stream.isTTY === true ? stream.columns : undefined
    },
    get rows() {
      return stream.isTTY === true ? stream.rows : undefined
    },
    get isClosed() {
      return isClosed
    },
    write(text) {
      if (isClosed) return Promise.resolve()
      return new Promise((resolve, reject) => {
        stream.write(text, (error) => {
          if (error == null || isReaderGone(error)) resolve()
          else reject(error)
        })
      })
    },
  }
}

function isReaderGone(error: NodeJS.ErrnoException): boolean {
  // EOF is what Windows says.
  return error.code === 'EPIPE' || error.code === 'EOF' || error.code === 'ERR_STREAM_DESTROYED'
}
