import type { Timers } from '../environment/environment.ts'
import type { FetchedPartition, FetchRequest, FetchResponse } from './broker.ts'

interface Attempt {
  readonly partitions: FetchedPartition[]
  readonly sizeBytes: number
}

/**
 * Kafka's long poll: answers once there are `minBytes`, an error, or nothing more to wait for; otherwise when
 * `maxWaitMs` is over or the signal fires. `onChange` calls back whenever an attempt may now find more.
 */
export async function fetchWhenReady(
  request: FetchRequest,
  timers: Timers,
  attempt: () => Attempt,
  onChange: (changed: () => void) => () => void,
): Promise<FetchResponse> {
  const first = attempt()
  if (isReady(first, request)) return { partitions: first.partitions }
  return await new Promise((resolve) => {
    const answer = (found: Attempt) => {
      timer.cancel()
      stop()
      request.signal?.removeEventListener('abort', giveUp)
      resolve({ partitions: found.partitions })
    }
    const giveUp = () => answer(attempt())
    const timer = timers.after(request.maxWaitMs, giveUp)
    const stop = onChange(() => {
      const found = attempt()
      if (isReady(found, request)) answer(found)
    })
    request.signal?.addEventListener('abort', giveUp)
  })
}

function isReady(found: Attempt, request: FetchRequest): boolean {
  return (
    request.maxWaitMs <= 0 ||
    request.signal?.aborted === true ||
    found.sizeBytes >= request.minBytes ||
    found.partitions.some((partition) => partition.error !== null)
  )
}
