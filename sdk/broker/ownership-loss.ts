import { type ErrorCode, TidemarkError } from '../errors.ts'
import type { PartitionError } from './broker.ts'

/** Answers that say for each of what was asked how it went. */
type Answers = readonly { readonly error?: PartitionError | null }[]

/**
 * Whether an answer says, of some partition or topic, that whoever gave it owns the directory no more: it lost it, or is
 * closing it. That concerns all of the request.
 */
export function tellsOwnershipLoss(answer: unknown): boolean {
  const { partitions, topics } = Object(answer) as { readonly partitions?: Answers; readonly topics?: Answers }
  return (partitions ?? topics)?.some(({ error }) => isLoss(error?.code)) === true
}

/** The same of what a request rejected with. */
export function isOwnershipLoss(error: unknown): boolean {
  return error instanceof TidemarkError && isLoss(error.code)
}

function isLoss(code: ErrorCode | undefined): boolean {
  return code === 'OWNERSHIP_LOST' || code === 'CLOSED'
}
