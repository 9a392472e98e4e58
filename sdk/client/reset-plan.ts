import type { MemberDescription, TopicPartition } from '../broker/broker.ts'
import { TidemarkError } from '../errors.ts'
import { STATIC_LEAVE_EPOCH } from '../group/member-epoch.ts'
import { type CommittedPosition, isSamePosition } from '../offsets/reset-metadata.ts'
import type { ClientContext } from './client-context.ts'
import { commitGroupOffsets, readGroupOffsets, readMembers } from './group-offsets.ts'
import { boolean, checkOptions, type OptionKinds } from './option-check.ts'
import { isSamePartition } from './topic-partition.ts'

/** What a plan does to one partition. */
export interface ResetChange extends TopicPartition {
  /** What is committed; null: nothing. */
  readonly before: CommittedPosition | null
  /** What will be committed; null: nothing, the group starts there as if it had never read it. */
  readonly after: CommittedPosition | null
  /** Records that will be delivered again; null where they cannot be counted. */
  readonly redelivered: number | null
  /** Records that are there, were not read, and will not be; null where they cannot be counted. */
  readonly skipped: number | null
  /** What was asked for, where the log does not have it. A reset goes to the nearest offset that it has. */
  readonly outside: number | null
  /** The commit stands there already and stays as it is, with its metadata. */
  readonly isUnchanged: boolean
  /** Only in undoing: the group has committed since the reset. */
  readonly hasMovedOn: boolean
}

/** How a plan is carried out. */
export interface ApplyOptions {
  /** Also where the group has committed since; what it committed is overwritten. Default false. */
  readonly force?: boolean | undefined
}

const APPLY_KINDS: OptionKinds<ApplyOptions> = { force: boolean }

/**
 * What moving a group would do, partition by partition, and the doing of it. Nothing is changed before `apply`. Made by
 * `groups.planReset` and `groups.planUndo`.
 */
export class ResetPlan {
  /** The group that is to be moved. */
  readonly group: string
  /** By topic and partition. */
  readonly changes: readonly ResetChange[]
  /** Who is in the group. While anybody is, `apply` refuses: members would go on where they are and overwrite it. */
  readonly members: readonly MemberDescription[]
  readonly #context: ClientContext

  /** Use `groups.planReset` or `groups.planUndo`. */
  constructor(
    context: ClientContext,
    plan: { group: string; changes: readonly ResetChange[]; members: readonly MemberDescription[] },
  ) {
    this.#context = context
    this.group = plan.group
    this.changes = plan.changes
    this.members = plan.members
  }

  /**
   * Does it. Survives a power loss when it resolves.
   * @throws {TidemarkError} NON_EMPTY_GROUP while the group has members; GROUP_MOVED where it has committed since, unless
   *   `force`; READ_ONLY, UNKNOWN_TOPIC
   */
  async apply(options: ApplyOptions = {}): Promise<void> {
    checkOptions('plan.apply', options, APPLY_KINDS)
    const moved = this.changes.filter(({ hasMovedOn }) => hasMovedOn)
    if (moved.length > 0 && options.force !== true) throw movedOn(this.group, moved.map(placeWords))
    await this.#move(
      options,
      ({ before }) => before,
      ({ after }) => after,
    )
  }

  /**
   * Puts everything back as it was before `apply`: offsets, epochs and metadata, byte for byte.
   * @throws {TidemarkError} as `apply`
   */
  async undo(options: ApplyOptions = {}): Promise<void> {
    checkOptions('plan.undo', options, APPLY_KINDS)
    await this.#move(
      options,
      ({ after }) => after,
      ({ before }) => before,
    )
  }

  async #move(
    { force = false }: ApplyOptions,
    from: (change: ResetChange) => CommittedPosition | null,
    to: (change: ResetChange) => CommittedPosition | null,
  ): Promise<void> {
    const changes = this.changes.filter(({ isUnchanged }) => !isUnchanged)
    if (changes.length === 0) return
    const broker = this.#context.openBroker
    const members = await readMembers(broker, this.group)
    if (members.length > 0) throw nonEmptyGroup(this.group, members)
    if (!force) await this.#checkUnmoved(changes, from)
    const commits = changes.flatMap((change) => {
      const position = to(change)
      return position === null ? [] : { topic: change.topic, partition: change.partition, ...position }
    })
    await commitGroupOffsets(broker, this.group, commits).catch((error: unknown) => {
      // Somebody joined in this very moment.
      if (error instanceof TidemarkError && error.code === 'UNKNOWN_MEMBER_ID') throw nonEmptyGroup(this.group, [])
      throw error
    })
    const partitions = changes.filter((change) => to(change) === null)
    if (partitions.length > 0) await broker.offsetDelete({ group: this.group, partitions: partitions.map(place) })
  }

  async #checkUnmoved(
    changes: readonly ResetChange[],
    expected: (change: ResetChange) => CommittedPosition | null,
  ): Promise<void> {
    const current = await readGroupOffsets(this.#context.openBroker, this.group)
    const moved = changes.filter((change) => {
      const found = current.find((each) => isSamePartition(each, change)) ?? null
      return !isSamePosition(found, expected(change))
    })
    if (moved.length > 0)
      throw movedOn(
        this.group,
        moved.map((change) => `${change.topic}-${change.partition}`),
      )
  }
}

/** Why a group with members is left alone, and what works. */
export function nonEmptyGroup(group: string, members: readonly MemberDescription[]): TidemarkError {
  const away = members.filter(({ memberEpoch }) => memberEpoch === STATIC_LEAVE_EPOCH)
  if (away.length > 0 && away.length === members.length) return awayGroup(group, away)
  const names = new Set(members.map(({ clientId, memberId }) => (clientId === '' ? memberId : clientId)))
  const count = members.length === 1 ? '1 member' : members.length === 0 ? 'members' : `${members.length} members`
  const who = names.size === 0 ? '' : ` (${[...names].join(', ')})`
  return new TidemarkError(
    'NON_EMPTY_GROUP',
    [
      `Group ${group} has ${count}${who}: they would go on where they are and overwrite it. Nothing was changed.`,
      "What works: stop the program that consumes in this group, or close the group's consumers in it, then do this again.",
    ].join('\n'),
  )
}

/** Static members have gone, and mean to come back: their places are theirs until the session ends. */
function awayGroup(group: string, away: readonly MemberDescription[]): TidemarkError {
  const names = away.map(({ instanceId, memberId }) => instanceId ?? memberId).join(', ')
  return new TidemarkError(
    'NON_EMPTY_GROUP',
    [
      `The consumers of group ${group} are gone, but static members (${names}) keep their places for 45 s. Nothing was changed.`,
      'What works: do this again when the 45 s are over.',
    ].join('\n'),
  )
}

function movedOn(group: string, places: readonly string[]): TidemarkError {
  return new TidemarkError(
    'GROUP_MOVED',
    [
      `Group ${group} has committed since, on ${places.join(', ')}. Nothing was changed.`,
      'What works: look at where it is and plan again; or insist with `force`, which overwrites what it has committed.',
    ].join('\n'),
  )
}

function placeWords({ topic, partition, before, after }: ResetChange): string {
  const goesTo = after === null ? 'to be removed' : `to go back to ${after.offset}`
  return `${topic}-${partition} (is at ${before?.offset ?? 'no offset'}, was ${goesTo})`
}

function place({ topic, partition }: TopicPartition): TopicPartition {
  return { topic, partition }
}
