import { run } from '../../../../sdk/cli/run.ts'
import type { Sink, Terminal } from '../../../../sdk/cli/terminal.ts'
import type { Environment } from '../../../../sdk/environment/environment.ts'
import { MemoryEnvironment } from '../../../../sdk/environment/memory-environment.ts'

export interface TerminalOptions {
  readonly environment?: Environment
  readonly input?: string | AsyncIterable<Uint8Array>
  readonly variables?: Readonly<Record<string, string>>
  readonly isTerminal?: boolean
  /** Of a terminal; what it says may change. */
  readonly size?: { columns: number; rows: number }
  /** Called with what presses a key, and what says that the size has changed. */
  readonly onStart?: (person: { press(key: string): void; resize(): void }) => void
  readonly signal?: AbortSignal
  /** Called with everything printed on standard output so far; answer true to go away, as `head` does. */
  readonly closeWhen?: (output: string) => boolean
}

export interface Printed {
  readonly code: number
  readonly output: string
  readonly errors: string
  /** The lines of the output as JSON. */
  json(): Record<string, unknown>[]
}

/** Runs a command as the shell would, in memory. */
export async function tidemark(typed: readonly string[], options: TerminalOptions = {}): Promise<Printed> {
  const texts = { output: '', errors: '' }
  const closing = new AbortController()
  const sink = (name: 'output' | 'errors'): Sink => {
    let isClosed = false
    return {
      isTerminal: options.isTerminal === true,
      get columns() {
        return options.size?.columns
      },
      get rows() {
        return options.size?.rows
      },
      get isClosed() {
        return isClosed
      },
      async write(text) {
        if (isClosed) return
        texts[name] += text
        isClosed = name === 'output' && options.closeWhen?.(texts.output) === true
        if (isClosed) closing.abort()
      },
    }
  }
  const listeners = { key: new Set<(key: string) => void>(), resize: new Set<() => void>() }
  const input = options.input ?? ''
  const terminal: Terminal = {
    arguments: typed,
    variables: options.variables ?? {},
    environment: options.environment ?? new MemoryEnvironment(),
    platform: 'Node v24, a machine in memory',
    input: typeof input === 'string' ? once(Buffer.from(input)) : input,
    isInputTerminal: false,
    output: sink('output'),
    errors: sink('errors'),
    signal: options.signal === undefined ? closing.signal : AbortSignal.any([options.signal, closing.signal]),
    onKey: (pressed) => {
      listeners.key.add(pressed)
      return () => listeners.key.delete(pressed)
    },
    onResize: (changed) => {
      listeners.resize.add(changed)
      return () => listeners.resize.delete(changed)
    },
  }
  options.onStart?.({
    press(key) {
      for (const pressed of [...listeners.key]) pressed(key)
    },
    resize() {
      for (const changed of [...listeners.resize]) changed()
    },
  })
  const code = await run(terminal)
  return {
    code,
    ...texts,
    json: () =>
      texts.output
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Record<string, unknown>),
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
