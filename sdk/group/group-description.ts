import type { ErrorCode } from '../errors.ts'
import type { NamedPartition } from './heartbeat-request.ts'

export type GroupType = 'classic' | 'consumer' | 'share' | 'streams'

/** Tidemark itself leaves groups only in the first four and 'Dead' (not found); brokers know more. */
export type GroupState =
  | 'Empty'
  | 'Assigning'
  | 'Reconciling'
  | 'Stable'
  | 'PreparingRebalance'
  | 'CompletingRebalance'
  | 'Dead'

/** One row of ListGroups. */
export interface ListedGroup {
  readonly group: string
  readonly type: GroupType
  /** "consumer" for consumers; "" for a group that only holds commits. */
  readonly protocolType: string
  readonly state: GroupState
}

export interface GroupError {
  readonly code: ErrorCode
  readonly message: string
}

/** What a group is, and who is in it. */
export interface GroupDescription {
  readonly group: string
  readonly type: GroupType
  readonly state: GroupState
  /** Of a classic group: its generation. */
  readonly groupEpoch: number
  readonly assignmentEpoch: number
  /** "" where there is none. */
  readonly assignor: string
  readonly members: readonly MemberDescription[]
}

/** One answer of ConsumerGroupDescribe. `error`: why the rest of it says nothing. */
export interface DescribedGroup extends GroupDescription {
  readonly error: GroupError | null
}

export interface MemberDescription {
  readonly memberId: string
  readonly instanceId: string | null
  readonly memberEpoch: number
  readonly clientId: string
  readonly clientHost: string
  readonly subscribedTopicNames: readonly string[]
  /** What it holds, those it is about to give up included. */
  readonly assignment: readonly NamedPartition[]
  readonly targetAssignment: readonly NamedPartition[]
}
