import type { LagRow } from '../client/lag.ts'

/** Exactly the promised names, in their order. */
export function lagRowToJson(row: LagRow): Record<string, unknown> {
  const { group, topic, partition, committedOffset, leaderEpoch, metadata, committedAtMs } = row
  const { logStartOffset, logEndOffset, lag, lagRecords, lagState, memberId, clientId, host } = row
  return {
    group,
    topic,
    partition,
    committedOffset,
    leaderEpoch,
    metadata,
    committedAtMs,
    logStartOffset,
    logEndOffset,
    lag,
    lagRecords,
    lagState,
    memberId,
    clientId,
    host,
  }
}
