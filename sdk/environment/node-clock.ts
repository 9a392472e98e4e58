import type { Clock, Timer, Timers } from './environment.ts'

/** `setTimeout` counts in an int32 and fires at once beyond it. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1

export const nodeClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
}

export const nodeTimers: Timers = {
  after(delayMs, callback, options): Timer {
    let handle: NodeJS.Timeout
    const arm = (remainingMs: number): void => {
      const step = Math.min(remainingMs, MAX_TIMEOUT_MS)
      handle = setTimeout(() => (remainingMs > step ? arm(remainingMs - step) : callback()), step)
      if (options?.keepAlive !== true) handle.unref()
    }
    arm(Math.max(0, delayMs))
    return { cancel: () => clearTimeout(handle) }
  },
  yield: () => new Promise((resolve) => setImmediate(resolve)),
}
