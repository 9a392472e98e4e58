import type { GroupDescription } from '../broker/broker.ts'
import type { LagRow } from '../client/lag.ts'
import type { GroupProgress } from './group-progress.ts'
import type { HealthStatus, HealthVerdict } from './health-verdict.ts'

/** One partition of a group. */
export interface PartitionHealth {
  /** How far behind it is. */
  readonly row: LagRow
  /** Whether that is getting better, and when it will have caught up. */
  readonly progress: GroupProgress
}

/** One group. */
export interface GroupHealth {
  /** Its name. */
  readonly group: string
  /** That of its worst verdict. */
  readonly status: HealthStatus
  /** What it is doing, as `groups.describe` says. */
  readonly state: GroupDescription['state']
  /** How many members it has, those of a program that is gone left out. */
  readonly members: number
  /** All partitions together. */
  readonly progress: GroupProgress
  /** One for each partition that it has committed or holds. */
  readonly partitions: readonly PartitionHealth[]
  /** The worst first. */
  readonly verdicts: readonly HealthVerdict[]
}
