import type { Timers } from './environment.ts'

/** Waits, or until the signal fires. The process keeps running meanwhile: to wait may be its only work. */
export function pause(timers: Timers, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = timers.after(delayMs, end, { keepAlive: true })
    function end(): void {
      timer.cancel()
      signal?.removeEventListener('abort', end)
      resolve()
    }
    signal?.addEventListener('abort', end)
    if (signal?.aborted === true) end()
  })
}
