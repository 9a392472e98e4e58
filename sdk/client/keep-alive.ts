import type { Timers } from '../environment/environment.ts'

/** Longer than anybody waits; started anew should somebody wait longer. */
const LONG_MS = 2 ** 31 - 1

/**
 * Waits for `promise` and keeps the process running meanwhile. A loop that waits for records is work to do, although
 * nothing but timers that do not count stands behind it.
 */
export async function keepingAlive<T>(timers: Timers, promise: Promise<T>): Promise<T> {
  let timer = timers.after(LONG_MS, again, { keepAlive: true })
  function again(): void {
    timer = timers.after(LONG_MS, again, { keepAlive: true })
  }
  try {
    return await promise
  } finally {
    timer.cancel()
  }
}
