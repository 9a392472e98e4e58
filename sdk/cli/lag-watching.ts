import { changeText } from './change-text.ts'
import type { Invocation } from './command.ts'
import { lagRowToJson } from './lag-json.ts'
import { type Change, changesSince, LagWatch, type Look, rowsOf } from './lag-watch.ts'
import { LineWriter } from './line-writer.ts'
import { LiveScreen } from './live-screen.ts'
import { styleFor } from './style.ts'
import type { Terminal } from './terminal.ts'
import { watchFrame } from './watch-frame.ts'

const KEPT_CHANGES = 50
const USUAL_SIZE = { columns: 80, rows: 24 } as const
const QUIT: ReadonlySet<string> = new Set(['q', 'Q', '\u0003', '\u001b'])

/** `lag --watch`: a screen where a person looks, else a line per change. Ends when the terminal's signal aborts. */
export async function watchLagChanges(invocation: Invocation, question: { readonly group?: string }): Promise<void> {
  const { terminal, isJson, positionals } = invocation
  const isScreen = !isJson && terminal.output.isTerminal && terminal.variables['TERM'] !== 'dumb'
  if (isScreen) await watchOnScreen(terminal, positionals[0], question)
  else await watchInLines(invocation, question)
}

async function watchOnScreen(terminal: Terminal, directory: string, question: { readonly group?: string }) {
  const quit = new AbortController()
  const signal = AbortSignal.any([terminal.signal, quit.signal])
  const screen = new LiveScreen(terminal)
  const texts: string[] = []
  let seen: Look | undefined
  let now: Look | undefined
  const draw = async (): Promise<void> => {
    if (now === undefined) return
    const { columns = USUAL_SIZE.columns, rows = USUAL_SIZE.rows } = terminal.output
    const frame = { columns, rows, style: styleFor(terminal) }
    await screen.draw(watchFrame({ directory, now, seen, changes: texts }, frame))
  }
  const stopKeys = terminal.onKey((key) => {
    if (QUIT.has(key)) quit.abort()
  })
  const stopResizing = terminal.onResize(() => {
    screen.forget()
    // What cannot be written is told by the next look.
    draw().catch(() => {})
  })
  await screen.enter()
  try {
    for await (const look of new LagWatch(terminal, directory, { ...question, signal }).looks()) {
      if (signal.aborted) break
      const changes = now === undefined ? [] : changesSince(seen, now, look)
      texts.push(...changes.map((change) => changeText(change, look.atMs)))
      texts.splice(0, texts.length - KEPT_CHANGES)
      now = look
      if (look.health !== undefined) seen = look
      await draw()
    }
  } finally {
    stopKeys()
    stopResizing()
    await screen.leave()
  }
}

async function watchInLines(
  { terminal, isJson, positionals }: Invocation,
  question: { readonly group?: string },
): Promise<void> {
  const { signal, output } = terminal
  let seen: Look | undefined
  let before: Look | undefined
  for await (const look of new LagWatch(terminal, positionals[0], { ...question, signal }).looks()) {
    if (signal.aborted) return
    const lines = new LineWriter(terminal)
    for (const change of changesSince(seen, before, look)) {
      await lines.line(isJson ? JSON.stringify(changeToJson(change, look.atMs)) : changeText(change, look.atMs))
    }
    await lines.flush()
    const isEmpty = before === undefined && rowsOf(look).length === 0
    if (isEmpty && !isJson) await output.write('No group has committed anything here yet.\n')
    before = look
    if (look.health !== undefined) seen = look
  }
}

function changeToJson(change: Change, atMs: number): Record<string, unknown> {
  switch (change.kind) {
    case 'row':
      return { atMs, ...lagRowToJson(change.row) }
    case 'row-gone': {
      const { group, topic, partition } = change.row
      return { atMs, group, topic, partition, gone: true }
    }
    case 'verdict':
      return { atMs, verdict: change.verdict }
    case 'owner':
      return { atMs, ownerPid: change.owner ?? null, isOwned: change.owner !== null }
    default:
      return { atMs, problem: change.problem ?? null }
  }
}
