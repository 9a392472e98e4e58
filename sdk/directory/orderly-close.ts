import type { PartitionLog } from '../log/partition-log.ts'

/** Each opens two files for it. */
const FINISHED_TOGETHER = 32

/** What is closed, and how. */
export interface Closing {
  readonly logs: readonly PartitionLog[]
  /** Throws where the directory is no longer ours. */
  readonly checkOwned: () => void
  readonly writeCheckpoints: () => void
  /** Called where all of it went well. */
  readonly writeMark: () => void
}

/** Closes the logs, writes the checkpoints, then the clean-shutdown marker. Returns what went wrong. */
export async function closeInOrder({ logs, checkOwned, writeCheckpoints, writeMark }: Closing): Promise<unknown[]> {
  const failures: unknown[] = []
  const attempt = (work: () => void): void => {
    try {
      work()
    } catch (error) {
      failures.push(error)
    }
  }
  attempt(checkOwned)
  if (failures.length === 0) {
    await finish(logs)
    attempt(checkOwned)
  }
  if (failures.length > 0) {
    for (const log of logs) attempt(() => log.abandon())
    return failures
  }
  for (const log of logs) {
    if (log.failure !== undefined) failures.push(log.failure)
    attempt(() => log.close())
  }
  attempt(writeCheckpoints)
  if (failures.length === 0) attempt(writeMark)
  return failures
}

/** Nothing is left for `log.close` then. A log that fails keeps its `failure`. */
async function finish(logs: readonly PartitionLog[]): Promise<void> {
  for (let at = 0; at < logs.length; at += FINISHED_TOGETHER) {
    // These wait for the disk at the same time.
    await Promise.allSettled(logs.slice(at, at + FINISHED_TOGETHER).map((log) => log.finish()))
  }
}
