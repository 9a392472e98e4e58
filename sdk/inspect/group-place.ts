import type { LagRow } from '../client/lag.ts'

/** Where a group is, in a log that is told from others of its name by `partitionId`. */
export interface GroupPlace {
  readonly row: LagRow
  readonly partitionId: string
}

/** The same for as long as the group reads that log, wherever it is. */
export function groupPlaceKey({ row, partitionId }: GroupPlace): string {
  return `${partitionId}/${row.group}`
}
