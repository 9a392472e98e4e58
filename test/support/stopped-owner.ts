/** Owners that are stopped, in memory, and time that passes meanwhile. */
import type { Connection, Environment } from '../../sdk/environment/environment.ts'
import type { MemoryEnvironment } from '../../sdk/environment/memory-environment.ts'
import { overridden } from './overridden.ts'

/** As seen by who connects to it: a process that SIGSTOP can stop. */
export function stoppable(inner: MemoryEnvironment): { environment: Environment; stop(): void; goOn(): void } {
  let isStopped = false
  const held: (() => void)[] = []
  const connect: Environment['connect'] = async (path, name) => {
    const connection = await inner.connect(path, name)
    if (connection === undefined) return undefined
    const receive: Connection['receive'] = (events) => {
      const data = (bytes: Uint8Array) => (isStopped ? void held.push(() => events.data(bytes)) : events.data(bytes))
      connection.receive({ ...events, data })
    }
    return overridden<Connection>(connection, { receive })
  }
  return {
    environment: overridden<Environment>(inner, { connect }),
    stop: () => {
      isStopped = true
    },
    goOn: () => {
      isStopped = false
      for (const arrive of held.splice(0)) arrive()
    },
  }
}

/** Lets time pass until it is there. */
export async function passing<T>(
  machine: MemoryEnvironment,
  promise: Promise<T>,
): Promise<{ answer: T; tookMs: number }> {
  const startMs = machine.clock.monotonicMs()
  let isSettled = false
  const settled = promise.finally(() => {
    isSettled = true
  })
  for (;;) {
    for (let turn = 0; turn < 20 && !isSettled; turn++) await machine.timers.yield()
    if (isSettled) return { answer: await settled, tookMs: machine.clock.monotonicMs() - startMs }
    machine.advance(100)
  }
}
