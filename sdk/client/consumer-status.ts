import type { GroupDescription, TopicPartition } from '../broker/broker.ts'
import type { OwnedPartition } from './assignment.ts'

/** What a consumer does with one of its partitions. */
export interface PartitionStatus extends TopicPartition {
  /**
   * - `starting`: where to start is still looked for
   * - `running`: records were handed out and are not processed yet
   * - `ready`: records are there, and the loop has not asked for them
   * - `waiting`: there is nothing new to hand out
   * - `paused`: by `pause()`
   * - `backpressured`: so many records are undone (`maxUndone`) that no more are handed out before some are `done()`
   * - `ending`: to be given up, as soon as what was handed out is processed
   */
  readonly state: 'starting' | 'running' | 'ready' | 'waiting' | 'paused' | 'backpressured' | 'ending'
  /** The first record that was handed out and is not processed, such as `payments-0@1851`. */
  readonly inHand: string | null
  /** For how long it has been in hand, milliseconds, too little by at most 500. */
  readonly runningMs: number | null
  /** Records handed out and not processed. */
  readonly undone: number
  /** The next offset to hand out; null where it is not known yet, as below. */
  readonly nextOffset: number | null
  /** The next to process: what a commit would say now. */
  readonly processedOffset: number | null
  /** What the last commit of this member said. */
  readonly committedOffset: number | null
}

/** What a consumer is doing, and why it is not doing more. */
export interface ConsumerStatus {
  /** The group it is a member of. */
  readonly group: string
  /** What the group calls it. */
  readonly memberId: string
  /** `idle` before the loop, `draining` after it while `done()` or `commit()` may still come. */
  readonly state: 'idle' | 'joining' | 'running' | 'draining' | 'closing' | 'closed'
  /** Why it has no partitions, in words; null where it has some. */
  readonly reason: string | null
  /** What it does with each partition it has. */
  readonly partitions: readonly PartitionStatus[]
}

export function partitionStatus(
  { prefix, buffer, isPaused, isLeaving }: OwnedPartition,
  runningMs: number | undefined,
  maxUndone: number,
): PartitionStatus {
  const { topic, partition, undone, firstUndone } = prefix
  const state = () => {
    if (isLeaving) return 'ending'
    if (buffer === undefined) return 'starting'
    if (isPaused) return 'paused'
    if (undone >= maxUndone) return 'backpressured'
    if (undone > 0) return 'running'
    return buffer.hasMore ? 'ready' : 'waiting'
  }
  return {
    topic,
    partition,
    state: state(),
    inHand: firstUndone === undefined ? null : `${topic}-${partition}@${firstUndone}`,
    runningMs: firstUndone === undefined ? null : (runningMs ?? 0),
    undone,
    nextOffset: known(prefix.nextOffset),
    processedOffset: known(prefix.offset),
    committedOffset: known(prefix.committedOffset),
  }
}

/** Why a consumer has no partition. */
export async function whyNothing(
  state: ConsumerStatus['state'],
  memberId: string,
  { whyNone, names }: { readonly whyNone: string | undefined; readonly names: readonly string[] },
  groupNow: () => Promise<GroupDescription | undefined>,
): Promise<string> {
  if (state === 'idle') return 'Nobody has asked for a record yet.'
  if (state === 'joining') return 'It is joining the group.'
  if (state !== 'running') return 'Its loop is over.'
  return whyNone ?? whyNoShare(await groupNow(), memberId, names)
}

function whyNoShare(group: GroupDescription | undefined, memberId: string, topics: readonly string[]): string {
  const own = group?.members.find((member) => member.memberId === memberId)
  if (group === undefined || own === undefined) return 'The group does not know this member: it is joining again.'
  const [wanted] = own.targetAssignment
  if (wanted !== undefined) {
    const name = `${wanted.topic}-${wanted.partition}`
    const holds = (each: TopicPartition) => each.topic === wanted.topic && each.partition === wanted.partition
    const holder = group.members.find(({ assignment }) => assignment.some(holds))
    if (holder === undefined) return `It is about to get ${name}.`
    return `It waits for ${name}, which member ${holder.memberId} (${holder.clientId} on ${holder.clientHost}) is to give up.`
  }
  const others = group.members.filter((member) => member !== own)
  const held = others.reduce((sum, { assignment }) => sum + assignment.length, 0)
  if (held === 0) return `The topics ${topics.join(', ')} have no partitions for it.`
  return `The group's ${held} partitions are with ${others.length} other members: there are none left for this one.`
}

function known(offset: number): number | null {
  return offset < 0 ? null : offset
}
