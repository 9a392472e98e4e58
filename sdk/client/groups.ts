import type { Broker, GroupDescription, GroupType, ListedGroup, TopicPartition } from '../broker/broker.ts'
import { fromPartitionError } from '../broker/partition-error.ts'
import { TidemarkError } from '../errors.ts'
import { checkGroupId } from '../offsets/group-id.ts'
import { lastReset, partitionsLost } from '../offsets/last-reset.ts'
import { parseResetMetadata } from '../offsets/reset-metadata.ts'
import { type CaughtUpOptions, caughtUp } from './caught-up.ts'
import type { ClientContext } from './client-context.ts'
import { type HistoryOptions, type PartitionHistory, readHistory } from './group-history.ts'
import {
  checkNotPastEnd,
  commitGroupOffsets,
  type GroupOffset,
  type OffsetToCommit,
  readGroupOffsets,
  readMembers,
} from './group-offsets.ts'
import type { LagRow } from './lag.ts'
import {
  boolean,
  checkArgument,
  checkOptions,
  count,
  listOf,
  milliseconds,
  type OptionKind,
  type OptionKinds,
  object,
  text,
  wholeNumber,
} from './option-check.ts'
import { nonEmptyGroup, type ResetPlan } from './reset-plan.ts'
import { type Former, ResetPlanner, type ResetScope } from './reset-planner.ts'
import type { ResetTarget } from './reset-target.ts'
import { isSamePartition } from './topic-partition.ts'

/** What a group had committed before it was deleted: `groups.restore` takes it. */
export interface DeletedOffsets {
  /** Whose commits they were. */
  readonly group: string
  /** The commits as they were before. */
  readonly offsets: readonly GroupOffset[]
}

/** Which partitions of the last reset are to be put back. */
export interface UndoOptions {
  /** Default: every topic. */
  readonly topics?: readonly string[] | undefined
}

/** What a commit by hand may do. */
export interface GroupCommitOptions {
  /** Takes offsets past the end of the log too, as Kafka does: for a log that is still to be restored. Default false. */
  readonly pastEnd?: boolean | undefined
}

/** How deleted offsets are put back. */
export interface RestoreOptions {
  /** Also where the group has committed since; what it committed is overwritten. Default false. */
  readonly force?: boolean | undefined
}

const LIST_KINDS = { types: listOf('group types', text) }
const HISTORY_KINDS: OptionKinds<HistoryOptions> = { topic: text, sinceMs: milliseconds(0), keepNewest: count(1) }
const COMMIT_KINDS: OptionKinds<GroupCommitOptions> = { pastEnd: boolean }
const RESTORE_KINDS: OptionKinds<RestoreOptions> = { force: boolean }
const UNDO_KINDS: OptionKinds<UndoOptions> = { topics: listOf('topic names', text) }
const OFFSET_KINDS: OptionKinds<OffsetToCommit> = {
  topic: text,
  partition: wholeNumber(0),
  offset: wholeNumber(0),
  leaderEpoch: wholeNumber(-1),
  metadata: { expected: 'text', accepts: (value) => typeof value === 'string' },
}
const PLACE: OptionKind = {
  expected: "a topic's name or { topic, partition }",
  accepts: (value) => text.accepts(value) || object('').accepts(value),
}
const TOPIC_OR_PARTITIONS: OptionKind = {
  expected: "a topic's name or { topic, partitions }",
  accepts: (value) => text.accepts(value) || Array.isArray(Object(value)['partitions']),
}
const SCOPE_KINDS: OptionKinds<ResetScope> = {
  topics: listOf('topic names or { topic, partitions: [0, …] }', TOPIC_OR_PARTITIONS),
}

/** Looks at groups, and changes what they have committed. Every change survives a power loss when its call resolves. */
export class Groups {
  readonly #context: ClientContext

  constructor(context: ClientContext) {
    this.#context = context
  }

  /** Every group, or those of some types, by name. */
  async list(options: { readonly types?: readonly GroupType[] } = {}): Promise<ListedGroup[]> {
    checkOptions('groups.list', options, LIST_KINDS)
    const { groups } = await this.#broker.listGroups(options)
    return groups.toSorted((a, b) => (a.group < b.group ? -1 : 1))
  }

  /** Its members, and what each of them holds. @throws {TidemarkError} GROUP_NOT_FOUND */
  async describe(group: string): Promise<GroupDescription> {
    checkGroupId(group)
    const [answer] = (await this.#broker.consumerGroupDescribe({ groups: [group] })).groups
    if (answer === undefined || answer.error !== null) {
      throw fromPartitionError(answer?.error ?? { code: 'GROUP_NOT_FOUND', message: `There is no group "${group}".` })
    }
    const { error: _, ...description } = answer
    return description
  }

  /** What it has committed, by topic and partition; nothing where there is no such group. */
  async offsets(group: string): Promise<GroupOffset[]> {
    checkGroupId(group)
    return await readGroupOffsets(this.#broker, group)
  }

  /**
   * Commits for a group without members: for checkpoints of one's own, or to move a group before it starts. Survives a
   * power loss when it resolves. An offset past the end of the log is refused: whatever is written up to it would be
   * skipped. To move a group so that it can be undone, use `planReset`.
   * @throws {TidemarkError} UNKNOWN_MEMBER_ID while it has members, UNKNOWN_TOPIC, OFFSET_OUT_OF_RANGE past the end,
   *   OFFSET_METADATA_TOO_LARGE, READ_ONLY, INVALID_ARGUMENT
   */
  async commit(group: string, offsets: readonly OffsetToCommit[], options: GroupCommitOptions = {}): Promise<void> {
    checkGroupId(group)
    const example = "groups.commit('fraud', [{ topic: 'payments', partition: 0, offset: 12 }])"
    checkArgument('groups.commit', 'offsets', offsets, listOf('{ topic, partition, offset }', object('')), example)
    for (const offset of offsets) checkOptions('groups.commit: an offset', offset, OFFSET_KINDS)
    checkOptions('groups.commit', options, COMMIT_KINDS)
    if (options.pastEnd !== true) await checkNotPastEnd(this.#broker, offsets)
    await commitGroupOffsets(this.#broker, group, offsets)
  }

  /**
   * What it would mean to put a group elsewhere: before and after for each partition, the records that come again or are
   * passed over. Nothing is changed before the plan's `apply()`; its `undo()` puts everything back. What was committed
   * before is kept in the metadata of the new commit, so `planUndo` can undo it later, from another process.
   *
   * @param target where to, as in Kafka: `'earliest'`, `'latest'`, `'current'`, `{ offset }`, `{ timestampMs }`,
   *   `{ duration }`, `{ by }`, `{ csv }`. An offset that the log does not have becomes the nearest that it has.
   * @throws {TidemarkError} INVALID_ARGUMENT, UNKNOWN_TOPIC; OFFSET_METADATA_TOO_LARGE where what is committed now does
   *   not fit into the metadata of a commit, so that it could not be undone
   */
  async planReset(group: string, target: ResetTarget, scope: ResetScope = {}): Promise<ResetPlan> {
    checkGroupId(group)
    checkOptions('groups.planReset', scope, SCOPE_KINDS)
    return await new ResetPlanner(this.#context).plan(group, target, scope)
  }

  /**
   * What it would mean to undo the group's last reset, whoever did it: offsets, epochs and metadata as they were, byte for
   * byte; a partition that had no commit loses the one of the reset. The plan has no changes where there is nothing to
   * undo, and its `apply` refuses where the group has committed since (`hasMovedOn`, `lostPartitions`), unless told to force
   * it.
   */
  async planUndo(group: string, options: UndoOptions = {}): Promise<ResetPlan> {
    checkOptions('groups.planUndo', options, UNDO_KINDS)
    const current = await this.offsets(group)
    const known = await this.history(group)
    const timelines = [...known, ...unknownTimelines(current, known)]
    const isWanted = ({ topic }: TopicPartition) => options.topics?.includes(topic) ?? true
    const formers = lastReset(timelines, isWanted).map(({ topic, partition, before, hasMovedOn }): Former => {
      const found = current.find((each) => isSamePartition(each, { topic, partition }))
      const now = found && { offset: found.offset, leaderEpoch: found.leaderEpoch, metadata: found.metadata }
      return { topic, partition, before: now ?? null, after: before, hasMovedOn }
    })
    // Whoever names topics means those: nobody can tell whether others are of them.
    const lostPartitions = options.topics === undefined ? partitionsLost(timelines) : 0
    return await new ResetPlanner(this.#context).planBack(group, formers, lostPartitions)
  }

  /**
   * Forgets groups without members, with all they have committed. Where one of them cannot be deleted, none is. Hands back
   * what that was: keep it to `restore` it.
   * @throws {TidemarkError} NON_EMPTY_GROUP, GROUP_NOT_FOUND, READ_ONLY
   */
  async delete(...groups: readonly string[]): Promise<DeletedOffsets[]> {
    const deleted: DeletedOffsets[] = []
    for (const group of groups) deleted.push({ group, offsets: await this.offsets(group) })
    await this.#broker.deleteGroups({ groups })
    return deleted
  }

  /**
   * Forgets what a group has committed for partitions, or for every partition of topics: it starts there as if it had
   * never read them. Hands back what that was: keep it to `restore` it.
   * @throws {TidemarkError} GROUP_SUBSCRIBED_TO_TOPIC while a member reads the topic, GROUP_NOT_FOUND, READ_ONLY
   */
  async deleteOffsets(group: string, partitions: readonly (string | TopicPartition)[]): Promise<DeletedOffsets> {
    checkGroupId(group)
    const example = "groups.deleteOffsets('fraud', [{ topic: 'payments', partition: 0 }])"
    checkArgument(
      'groups.deleteOffsets',
      'partitions',
      partitions,
      listOf('topics or { topic, partition }', PLACE),
      example,
    )
    const isMeant = ({ topic, partition }: TopicPartition) =>
      partitions.some((each) =>
        typeof each === 'string' ? each === topic : isSamePartition(each, { topic, partition }),
      )
    const offsets = (await this.offsets(group)).filter(isMeant)
    await this.#broker.offsetDelete({
      group,
      partitions: offsets.map(({ topic, partition }) => ({ topic, partition })),
    })
    return { group, offsets }
  }

  /**
   * Commits again what a deletion has handed back: offsets, epochs and metadata as they were.
   * @throws {TidemarkError} GROUP_MOVED where the group has committed there since, unless `force`; NON_EMPTY_GROUP,
   *   UNKNOWN_TOPIC where a topic is gone, READ_ONLY
   */
  async restore(deleted: DeletedOffsets, options: RestoreOptions = {}): Promise<void> {
    const example = "groups.restore(deleted), with what groups.delete('fraud') or groups.deleteOffsets handed back"
    checkArgument('groups.restore', 'what was deleted', deleted, object('{ group, offsets }'), example)
    checkOptions('groups.restore', options, RESTORE_KINDS)
    const { group, offsets } = deleted
    checkGroupId(group)
    const members = await readMembers(this.#broker, group)
    if (members.length > 0) throw nonEmptyGroup(group, members)
    const current = await this.offsets(group)
    const moved = offsets.find((each) => current.some((other) => isSamePartition(each, other)))
    if (moved !== undefined && options.force !== true) {
      const message = `Group ${group} has committed on ${moved.topic}-${moved.partition} since it was deleted. Nothing was changed; \`force\` overwrites it.`
      throw new TidemarkError('GROUP_MOVED', message, moved)
    }
    await commitGroupOffsets(this.#broker, group, offsets)
  }

  /**
   * Everything a group has committed, and when, as far back as `__consumer_offsets` reaches. The owner compacts what is not
   * in the segment that is written to, which begins anew after 7 days or 100 MiB: of what is older only the newest commit of
   * each partition is sure to be there.
   */
  async history(group: string, options: HistoryOptions = {}): Promise<PartitionHistory[]> {
    checkGroupId(group)
    checkOptions('groups.history', options, HISTORY_KINDS)
    return await readHistory(this.#broker, group, options)
  }

  /**
   * Resolves once the group has committed everything there is, on each partition that it has committed or holds, with
   * the lag as it was then. Waits for a group that is not there yet, and for one that nobody runs: give it a `signal`.
   * @throws {TidemarkError} ABORTED, CLOSED
   */
  async caughtUp(group: string, options: CaughtUpOptions = {}): Promise<LagRow[]> {
    return await caughtUp(this.#context, group, options)
  }

  get #broker(): Broker {
    return this.#context.openBroker
  }
}

/** Commits of resets that the history does not reach back to. */
function unknownTimelines(current: readonly GroupOffset[], known: readonly PartitionHistory[]): PartitionHistory[] {
  return current
    .filter((each) => parseResetMetadata(each.metadata) !== undefined)
    .filter((each) => !known.some((other) => isSamePartition(each, other)))
    .map(({ topic, partition, committedAtMs, ...commit }) => {
      const entry = { ...commit, kind: 'commit' as const, timestampMs: committedAtMs ?? 0, logOffset: -1 }
      return { topic, partition, entries: [entry] }
    })
}
