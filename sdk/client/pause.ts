import type { Timers } from '../environment/environment.ts'

/** Waits; the process may end meanwhile. */
export function pause(timers: Timers, delayMs: number): Promise<void> {
  return new Promise((resolve) => timers.after(delayMs, resolve))
}
