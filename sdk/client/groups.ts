import type { Broker, GroupDescription, GroupType, ListGroupsResponse, TopicPartition } from '../broker/broker.ts'
import { fromPartitionError } from '../broker/partition-error.ts'
import { TidemarkError } from '../errors.ts'
import { CommitHistory, type CommitHistoryEntry } from '../offsets/commit-history.ts'
import { checkGroupId } from '../offsets/group-id.ts'
import { groupPartition } from '../offsets/group-partition.ts'
import { CONSUMER_OFFSETS_TOPIC } from '../topic/topic-name.ts'
import type { ClientContext } from './client-context.ts'
import {
  boolean,
  checkArgument,
  checkOptions,
  count,
  listOf,
  type OptionKinds,
  object,
  text,
  wholeNumber,
} from './option-check.ts'
import { StoredBatches } from './stored-batches.ts'
import { byPartition, isSamePartition } from './topic-partition.ts'

/** One group in a list: its name, its protocol, its state. */
export type ListedGroup = ListGroupsResponse['groups'][number]

/** What a group has committed for a partition. */
export interface GroupOffset extends TopicPartition {
  /** The next offset to read. */
  readonly offset: number
  /** Of the last processed record; −1: not known. */
  readonly leaderEpoch: number
  /** What the committer wrote beside it; '' if nothing. */
  readonly metadata: string
  /** Milliseconds since 1970; null where the broker does not tell. */
  readonly committedAtMs: number | null
  /** Which topic of that name; null where the commit does not say. */
  readonly topicId: string | null
}

/** An offset to be committed for a group. */
export interface OffsetToCommit extends TopicPartition {
  /** The next offset to read. */
  readonly offset: number
  /** The leader epoch of the record before it. Default −1: not known. A wrong one makes other clients hang or rewind. */
  readonly leaderEpoch?: number | undefined
  /** Any text of at most 4,096 UTF-16 units, to be found beside the offset. Default ''. */
  readonly metadata?: string | undefined
}

/** What a group has committed for a partition over time, oldest first. */
export interface PartitionHistory extends TopicPartition {
  readonly entries: readonly CommitHistoryEntry[]
}

/** What a commit by hand may do. */
export interface GroupCommitOptions {
  /** Takes offsets past the end of the log too, as Kafka does: for a log that is still to be restored. Default false. */
  readonly pastEnd?: boolean | undefined
}

/** Which part of a group's history is wanted. */
export interface HistoryOptions {
  /** Default: every topic. */
  readonly topic?: string | undefined
  /** Entries to keep per partition, the newest. Default: all. */
  readonly keepNewest?: number | undefined
}

const LIST_KINDS = { types: listOf('group types', text) }
const HISTORY_KINDS: OptionKinds<HistoryOptions> = { topic: text, keepNewest: count(1) }
const COMMIT_KINDS: OptionKinds<GroupCommitOptions> = { pastEnd: boolean }
const OFFSET_KINDS: OptionKinds<OffsetToCommit> = {
  topic: text,
  partition: wholeNumber(0),
  offset: wholeNumber(0),
  leaderEpoch: wholeNumber(-1),
  metadata: { expected: 'text', accepts: (value) => typeof value === 'string' },
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
    const { partitions } = await this.#broker.offsetFetch({ group, partitions: null })
    const offsets = partitions.map(({ error, commitTimestampMs, ...commit }) => {
      if (error !== null) throw fromPartitionError(error, commit)
      const { topic, partition, offset, leaderEpoch, metadata, topicId } = commit
      return { topic, partition, offset, leaderEpoch, metadata, committedAtMs: commitTimestampMs, topicId }
    })
    return offsets.sort(byPartition)
  }

  /**
   * Commits for a group without members: for checkpoints of one's own, or to move a group before it starts. Survives a
   * power loss when it resolves. An offset past the end of the log is refused: whatever is written up to it would be
   * skipped.
   * @throws {TidemarkError} UNKNOWN_MEMBER_ID while it has members, UNKNOWN_TOPIC, OFFSET_OUT_OF_RANGE past the end,
   *   OFFSET_METADATA_TOO_LARGE, READ_ONLY, INVALID_ARGUMENT
   */
  async commit(group: string, offsets: readonly OffsetToCommit[], options: GroupCommitOptions = {}): Promise<void> {
    checkGroupId(group)
    const example = "groups.commit('fraud', [{ topic: 'payments', partition: 0, offset: 12 }])"
    checkArgument('groups.commit', 'offsets', offsets, listOf('{ topic, partition, offset }', object('')), example)
    for (const offset of offsets) checkOptions('groups.commit: an offset', offset, OFFSET_KINDS)
    checkOptions('groups.commit', options, COMMIT_KINDS)
    if (offsets.length === 0) return
    if (options.pastEnd !== true) await this.#refusePastEnd(offsets)
    const { partitions } = await this.#broker.offsetCommit({
      group,
      memberId: '',
      memberEpoch: -1,
      survives: 'power-loss',
      offsets: offsets.map(({ topic, partition, offset, leaderEpoch = -1, metadata = '' }) => {
        return { topic, partition, offset, leaderEpoch, metadata }
      }),
    })
    for (const answer of partitions) if (answer.error !== null) throw fromPartitionError(answer.error, answer)
  }

  /** Forgets groups without members, with all they have committed. @throws {TidemarkError} NON_EMPTY_GROUP, GROUP_NOT_FOUND */
  async delete(...groups: readonly string[]): Promise<void> {
    for (const group of groups) checkGroupId(group)
    await this.#broker.deleteGroups({ groups })
  }

  /**
   * Forgets what a group has committed for partitions: it starts there as if it had never read them.
   * @throws {TidemarkError} GROUP_SUBSCRIBED_TO_TOPIC while a member reads the topic, GROUP_NOT_FOUND, READ_ONLY
   */
  async deleteOffsets(group: string, partitions: readonly TopicPartition[]): Promise<void> {
    checkGroupId(group)
    const example = "groups.deleteOffsets('fraud', [{ topic: 'payments', partition: 0 }])"
    const kind = listOf('{ topic, partition }', object(''))
    checkArgument('groups.deleteOffsets', 'partitions', partitions, kind, example)
    await this.#broker.offsetDelete({ group, partitions })
  }

  /**
   * Everything a group has committed, and when, as far back as `__consumer_offsets` reaches: compaction, where there is
   * any, keeps only the newest.
   */
  async history(group: string, options: HistoryOptions = {}): Promise<PartitionHistory[]> {
    checkGroupId(group)
    checkOptions('groups.history', options, HISTORY_KINDS)
    const { topics } = await this.#broker.metadata({ topics: [CONSUMER_OFFSETS_TOPIC] })
    const count = topics.find(({ name }) => name === CONSUMER_OFFSETS_TOPIC)?.partitions.length ?? 0
    if (count === 0) return []
    const { topic, keepNewest } = options
    const history = new CommitHistory({
      group,
      ...(topic === undefined ? {} : { topic }),
      ...(keepNewest === undefined ? {} : { keepNewest }),
    })
    const partition = groupPartition(group, count)
    const stored = new StoredBatches(this.#broker, { topic: CONSUMER_OFFSETS_TOPIC, partition })
    for await (const batches of stored.slices()) for (const batch of batches) history.replayBatch(partition, batch)
    return [...history.partitionsOf(group)].sort(byPartition)
  }
  /** @throws {TidemarkError} OFFSET_OUT_OF_RANGE */
  async #refusePastEnd(offsets: readonly OffsetToCommit[]): Promise<void> {
    const partitions = offsets.map(({ topic, partition }) => ({ topic, partition, at: 'latest' as const }))
    const answers = (await this.#broker.listOffsets({ isolation: 'read_uncommitted', partitions })).partitions
    for (const { topic, partition, offset } of offsets) {
      const end = answers.find((each) => isSamePartition(each, { topic, partition }))
      // What cannot be asked is for the commit to refuse.
      if (end === undefined || end.error !== null || offset <= end.offset) continue
      const message =
        `Offset ${offset} is past the end of ${topic}-${partition}, which is ${end.offset}: the group would skip what is ` +
        'still to be written there. Commit at most the end, or say { pastEnd: true }.'
      throw new TidemarkError('OFFSET_OUT_OF_RANGE', message, { topic, partition, offset })
    }
  }

  get #broker(): Broker {
    return this.#context.openBroker
  }
}
