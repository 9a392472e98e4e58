import type { Timers } from '../environment/environment.ts'
import type { FetchedPartition, FetchRequest, FetchResponse } from './broker.ts'

interface Attempt {
  readonly partitions: FetchedPartition[]
  readonly sizeBytes: number
}

/**
 * Kafka's long poll: answers once there are `minBytes`, an error, or nothing more to wait for; otherwise when
 * `maxWaitMs` is over or the signal fires. `onChange` calls back whenever an attempt may now find more; it may do so in the
 * middle of somebody's append, so what an attempt throws rejects the fetch and goes no further.
 */
export async function fetchWhenReady(
  request: FetchRequest,
  timers: Timers,
  attempt: () => Attempt,
  onChange: (changed: () => void) => () => void,
): Promise<FetchResponse> {
  const first = attempt()
  if (isReady(first, request)) return { partitions: first.partitions }
  return await new Promise((resolve, reject) => {
    let isSettled = false
    const settle = () => {
      isSettled = true
      timer.cancel()
      stop()
      request.signal?.removeEventListener('abort', giveUp)
    }
    const look = (isLast: boolean) => {
      if (isSettled) return
      try {
        const found = attempt()
        if (!isLast && !isReady(found, request)) return
        resolve({ partitions: found.partitions })
      } catch (error) {
        reject(error)
      }
      settle()
    }
    const giveUp = () => look(true)
    const timer = timers.after(request.maxWaitMs, giveUp)
    const stop = onChange(() => look(false))
    request.signal?.addEventListener('abort', giveUp)
  })
}

function isReady(found: Attempt, request: FetchRequest): boolean {
  return (
    request.maxWaitMs <= 0 ||
    request.signal?.aborted === true ||
    found.sizeBytes >= request.minBytes ||
    found.partitions.some((partition) => partition.error !== null || partition.nextReadableOffset !== undefined)
  )
}
