import type { PartitionId } from './partition-id.ts'
import { assignRange } from './range-assignor.ts'
import { assignUniform } from './uniform-assignor.ts'

/** A member as an assignor sees it. */
export interface AssignableMember {
  readonly memberId: string
  readonly instanceId: string | null
  /** Ids of the topics it names that exist. */
  readonly topicIds: ReadonlySet<string>
  /** Its target so far; it may hold less, or partitions that are gone. */
  readonly target: ReadonlySet<PartitionId>
}

export interface AssignorInput {
  readonly members: readonly AssignableMember[]
  /** How many partitions each topic has that somebody names. */
  readonly partitionCounts: ReadonlyMap<string, number>
  /** Whether every member names the same topics, missing ones included. */
  readonly homogeneous: boolean
}

/** Every partition of every named topic goes to exactly one member that names the topic. */
export type Assignment = ReadonlyMap<string, ReadonlySet<PartitionId>>

/** The first is the default. Names are Kafka's. */
export const ASSIGNORS: ReadonlyMap<string, (input: AssignorInput) => Assignment> = new Map([
  ['uniform', assignUniform],
  ['range', assignRange],
])

export const DEFAULT_ASSIGNOR = 'uniform'

/**
 * The assignor most members ask for; members that do not ask have no vote. Among equals Kafka lets a hash order decide,
 * here the order of `ASSIGNORS` does.
 */
export function chooseAssignor(votes: Iterable<string | null>): string {
  const counts = new Map<string, number>()
  for (const name of votes) if (name !== null && ASSIGNORS.has(name)) counts.set(name, (counts.get(name) ?? 0) + 1)
  let chosen = DEFAULT_ASSIGNOR
  for (const name of ASSIGNORS.keys()) if ((counts.get(name) ?? 0) > (counts.get(chosen) ?? 0)) chosen = name
  return chosen
}
