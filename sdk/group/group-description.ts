import type { ErrorCode } from '../errors.ts'
import type { NamedPartition } from './heartbeat-request.ts'

/** The protocol of a group's members. Tidemark makes 'consumer' groups, and shows those of the others that a broker made. */
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

/** One group in a list: its name, its protocol, its state. */
export interface ListedGroup {
  /** Its name. */
  readonly group: string
  /** Which protocol its members speak. */
  readonly type: GroupType
  /** "consumer" for consumers; "" for a group that only holds commits. */
  readonly protocolType: string
  /** What it is doing. */
  readonly state: GroupState
}

export interface GroupError {
  readonly code: ErrorCode
  readonly message: string
}

/** What a group is, and who is in it. */
export interface GroupDescription {
  /** Its name. */
  readonly group: string
  /** Which protocol its members speak; Tidemark's are 'consumer'. */
  readonly type: GroupType
  /** What it is doing. */
  readonly state: GroupState
  /** Of a classic group: its generation. */
  readonly groupEpoch: number
  /** The epoch of the assignment that members are on the way to. */
  readonly assignmentEpoch: number
  /** "" where there is none. */
  readonly assignor: string
  /** Who is in it. */
  readonly members: readonly MemberDescription[]
}

/** One answer of ConsumerGroupDescribe. `error`: why the rest of it says nothing. */
export interface DescribedGroup extends GroupDescription {
  readonly error: GroupError | null
}

/** One member of a group. */
export interface MemberDescription {
  /** What the group calls it. */
  readonly memberId: string
  /** Its `instanceId`, if it is a static member. */
  readonly instanceId: string | null
  /** How far it has come with the group's changes. */
  readonly memberEpoch: number
  /** The `clientId` that its program gave to `open`. */
  readonly clientId: string
  /** Where it runs. */
  readonly clientHost: string
  /** What it wants to read. */
  readonly subscribedTopicNames: readonly string[]
  /** What it holds, those it is about to give up included. */
  readonly assignment: readonly NamedPartition[]
  /** What it is to hold once the group has settled. */
  readonly targetAssignment: readonly NamedPartition[]
}
