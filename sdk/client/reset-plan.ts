import type { MemberDescription, TopicPartition } from '../broker/broker.ts'
import { TidemarkError } from '../errors.ts'
import { STATIC_LEAVE_EPOCH } from '../group/member-epoch.ts'
import type { CommittedPosition } from '../offsets/reset-metadata.ts'
import type { ClientContext } from './client-context.ts'
import { readMembers } from './group-offsets.ts'
import { boolean, checkOptions, type OptionKinds } from './option-check.ts'

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
  /**
   * Also while the group has members. Whoever has one of the partitions goes on at its new place by itself, within half a
   * second: the record in hand no longer counts, its `signal` aborts, and what was processed elsewhere stays processed.
   * Only in a directory: a cluster cannot. Default false.
   */
  readonly running?: boolean | undefined
}

const APPLY_KINDS: OptionKinds<ApplyOptions> = { force: boolean, running: boolean }

/**
 * What moving a group would do, partition by partition, and the doing of it. Nothing is changed before `apply`. Made by
 * `groups.planReset` and `groups.planUndo`.
 */
export class ResetPlan {
  /** The group that is to be moved. */
  readonly group: string
  /** By topic and partition. */
  readonly changes: readonly ResetChange[]
  /** Who is in the group. While anybody is, `apply` refuses, unless it is to move a `running` group. */
  readonly members: readonly MemberDescription[]
  /**
   * Only in undoing: of how many partitions of that reset nothing is known any more. The group has committed there since, and
   * compaction has removed what was before. They stay as they are.
   */
  readonly lostPartitions: number
  readonly #context: ClientContext

  /** Use `groups.planReset` or `groups.planUndo`. */
  constructor(
    context: ClientContext,
    plan: {
      group: string
      changes: readonly ResetChange[]
      members: readonly MemberDescription[]
      lostPartitions?: number
    },
  ) {
    this.#context = context
    this.group = plan.group
    this.changes = plan.changes
    this.members = plan.members
    this.lostPartitions = plan.lostPartitions ?? 0
  }

  /**
   * Does it. Survives a power loss when it resolves.
   * @throws {TidemarkError} NON_EMPTY_GROUP while the group has members, unless `running`; GROUP_MOVED where it has
   *   committed since, unless `force`; READ_ONLY, UNKNOWN_TOPIC
   */
  async apply(options: ApplyOptions = {}): Promise<void> {
    checkOptions('plan.apply', options, APPLY_KINDS)
    const moved = this.changes.filter(({ hasMovedOn }) => hasMovedOn)
    if (moved.length > 0 && options.force !== true) {
      const places = moved.map(placeWords).join(', ')
      throw movedOn(`Group ${this.group} has committed since, on ${places}. Nothing was changed.`)
    }
    if (this.lostPartitions > 0 && options.force !== true) {
      const lost = `on ${this.lostPartitions} more partition${this.lostPartitions === 1 ? '' : 's'} of that reset`
      const message = `Group ${this.group} has committed since ${lost}, where nobody knows any more where it was before. Nothing was changed.`
      throw movedOn(message)
    }
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
    { force = false, running = false }: ApplyOptions,
    from: (change: ResetChange) => CommittedPosition | null,
    to: (change: ResetChange) => CommittedPosition | null,
  ): Promise<void> {
    const changes = this.changes.filter(({ isUnchanged }) => !isUnchanged)
    if (changes.length === 0) return
    const broker = this.#context.openBroker
    const members = running ? [] : await readMembers(broker, this.group)
    if (members.length > 0) throw nonEmptyGroup(this.group, members, { canMove: true })
    const offsets = changes.map((change) => {
      const { topic, partition } = change
      return { topic, partition, expected: force ? undefined : from(change), position: to(change) }
    })
    const request = { group: this.group, offsets, members: running ? ('move' as const) : ('refuse' as const) }
    await broker.alterConsumerGroupOffsets(request).catch((error: unknown) => {
      if (!(error instanceof TidemarkError)) throw error
      // Somebody joined in this very moment.
      if (error.code === 'NON_EMPTY_GROUP') throw nonEmptyGroup(this.group, [], { canMove: true })
      throw error.code === 'GROUP_MOVED' ? movedOn(error.message) : error
    })
  }
}

/** Why a group with members is left alone, and what works; `canMove`: also to move it as it runs. */
export function nonEmptyGroup(
  group: string,
  members: readonly MemberDescription[],
  { canMove = false }: { readonly canMove?: boolean } = {},
): TidemarkError {
  const works = canMove
    ? 'move it with `running` (`--running`), and its consumers go on at the new place by themselves; or '
    : ''
  const away = members.filter(({ memberEpoch }) => memberEpoch === STATIC_LEAVE_EPOCH)
  if (away.length > 0 && away.length === members.length) return awayGroup(group, away, works)
  const names = new Set(members.map(({ clientId, memberId }) => (clientId === '' ? memberId : clientId)))
  const count = members.length === 1 ? '1 member' : members.length === 0 ? 'members' : `${members.length} members`
  const who = names.size === 0 ? '' : ` (${[...names].join(', ')})`
  return new TidemarkError(
    'NON_EMPTY_GROUP',
    [
      `Group ${group} has ${count}${who}: they would go on where they are and overwrite it. Nothing was changed.`,
      `What works: ${works}stop the program that consumes in this group, or close the group's consumers in it, then do this again.`,
    ].join('\n'),
  )
}

/** Static members have gone, and mean to come back: their places are theirs until the session ends. */
function awayGroup(group: string, away: readonly MemberDescription[], works: string): TidemarkError {
  const names = away.map(({ instanceId, memberId }) => instanceId ?? memberId).join(', ')
  return new TidemarkError(
    'NON_EMPTY_GROUP',
    [
      `The consumers of group ${group} are gone, but static members (${names}) keep their places for 45 s. Nothing was changed.`,
      `What works: ${works}do this again when the 45 s are over.`,
    ].join('\n'),
  )
}

function movedOn(what: string): TidemarkError {
  return new TidemarkError(
    'GROUP_MOVED',
    `${what}\nWhat works: look at where it is and plan again; or insist with \`force\`, which overwrites what it has committed.`,
  )
}

function placeWords({ topic, partition, before, after }: ResetChange): string {
  const goesTo = after === null ? 'to be removed' : `to go back to ${after.offset}`
  return `${topic}-${partition} (is at ${before?.offset ?? 'no offset'}, was ${goesTo})`
}
