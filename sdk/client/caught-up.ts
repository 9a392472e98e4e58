import { TidemarkError } from '../errors.ts'
import { checkGroupId } from '../offsets/group-id.ts'
import type { ClientContext } from './client-context.ts'
import { type LagRow, watchLag } from './lag.ts'
import { checkOptions, milliseconds, type OptionKinds, signal } from './option-check.ts'

/** How to wait for a group. */
export interface CaughtUpOptions {
  /** Ends the wait with ABORTED. */
  readonly signal?: AbortSignal | undefined
  /** How often to look, in milliseconds. Default 250. */
  readonly intervalMs?: number | undefined
}

const KINDS: OptionKinds<CaughtUpOptions> = { signal, intervalMs: milliseconds(1) }

/**
 * Resolves with the rows of the moment in which the group had committed everything there was.
 * @throws {TidemarkError} ABORTED, CLOSED
 */
export async function caughtUp(context: ClientContext, group: string, options: CaughtUpOptions): Promise<LagRow[]> {
  checkGroupId(group)
  checkOptions('groups.caughtUp', options, KINDS)
  for await (const rows of watchLag(context, { ...options, group })) if (isCaughtUp(rows)) return rows
  if (options.signal?.aborted === true) {
    throw new TidemarkError('ABORTED', `Waiting for group ${group} to catch up was aborted.`)
  }
  throw new TidemarkError('CLOSED', `This was closed while it waited for group ${group} to catch up.`)
}

/** A group that nobody has heard of yet has not caught up: its consumer may be about to start. */
function isCaughtUp(rows: readonly LagRow[]): boolean {
  const relevant = rows.filter(({ lagState }) => lagState !== 'topic-deleted')
  return relevant.length > 0 && relevant.every(isDone)
}

function isDone({ lagState, lagRecords }: LagRow): boolean {
  // Where nothing was ever written there is nothing to commit.
  return lagState === 'up-to-date' || (lagState === 'never-committed' && lagRecords === 0)
}
