import { TidemarkError } from '../errors.ts'
import type { ProduceResponse } from './broker.ts'
import type { Api } from './port-shapes.ts'

/** Whether an answer says that whoever gave it owns the directory no more. Sends say so for each partition. */
export function tellsOwnershipLoss(api: Api, answer: unknown): boolean {
  if (api !== 'produce') return false
  return (answer as ProduceResponse).partitions.some(({ error }) => error?.code === 'OWNERSHIP_LOST')
}

/** The same of what a request rejected with. */
export function isOwnershipLoss(error: unknown): boolean {
  return error instanceof TidemarkError && error.code === 'OWNERSHIP_LOST'
}
