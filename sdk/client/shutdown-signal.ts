import { onSignal } from '../environment/node-signals.ts'

const waiting = new Map<string, AbortSignal>()

/**
 * Aborts when the process is asked to end: at the first SIGTERM or SIGINT, or one of `signals`. `await using` does not
 * run on signals; a loop with this signal ends after the body in hand, commits and leaves, and the program comes to its
 * end. A second signal ends the process at once, as without Tidemark.
 */
export function shutdownSignal(...signals: readonly NodeJS.Signals[]): AbortSignal {
  const names: readonly NodeJS.Signals[] = signals.length === 0 ? ['SIGTERM', 'SIGINT'] : signals
  // Everybody who asks before it comes waits for the same one, so that asking often costs nothing.
  const key = [...names].sort().join(' ')
  const known = waiting.get(key)
  if (known !== undefined) return known
  const controller = new AbortController()
  const stops = names.map((name) =>
    onSignal(name, () => {
      for (const stop of stops) stop()
      waiting.delete(key)
      controller.abort(new Error(`The process received ${name}.`))
    }),
  )
  waiting.set(key, controller.signal)
  return controller.signal
}
