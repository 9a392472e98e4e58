import type { Broker, TopicMetadata, TopicPartition } from '../broker/broker.ts'
import { TidemarkError } from '../errors.ts'
import { checkGroupId } from '../offsets/group-id.ts'
import { type Move, moveBack, moveTo, type OffsetRange, type ResetPlace } from '../offsets/reset-change.ts'
import { type CommittedPosition, checkResetMetadata, resetMetadata } from '../offsets/reset-metadata.ts'
import type { ClientContext } from './client-context.ts'
import { type GroupOffset, readGroupOffsets, readMembers } from './group-offsets.ts'
import { offsetsAt } from './position.ts'
import { type ResetChange, ResetPlan } from './reset-plan.ts'
import { type CheckedTarget, checkTarget, type ResetTarget } from './reset-target.ts'
import { StoredBatches } from './stored-batches.ts'
import { byPartition, isSamePartition } from './topic-partition.ts'

/** Which partitions are meant. */
export interface ResetScope {
  /**
   * Whole topics, or some partitions of them. Default: every partition that the group has committed, as far as its topic
   * is still there; of a CSV, every partition it names.
   */
  readonly topics?: readonly (string | { readonly topic: string; readonly partitions: readonly number[] })[] | undefined
}

/** A partition to move in, with what is known of it. */
interface Place extends TopicPartition, ResetPlace {
  readonly wanted: number
}

/** A partition to be put back, and where to. */
export interface Former extends TopicPartition {
  readonly before: CommittedPosition | null
  readonly after: CommittedPosition | null
  readonly hasMovedOn: boolean
}

/** Finds out what moving a group would do. Only reads. */
export class ResetPlanner {
  readonly #context: ClientContext
  readonly #broker: Broker

  constructor(context: ClientContext) {
    this.#context = context
    this.#broker = context.openBroker
  }

  async plan(group: string, target: ResetTarget, scope: ResetScope): Promise<ResetPlan> {
    checkGroupId(group)
    const checked = checkTarget(group, target, this.#context.environment.clock.nowMs())
    const commits = await readGroupOffsets(this.#broker, group)
    const topics = await this.#topics(commits, checked, scope)
    const places = await this.#places(group, checked, placesIn(topics, commits, checked, scope), commits, topics)
    if (places.length === 0) {
      const message = `Group "${group}" has committed nothing that is still there: name the topics.`
      throw new TidemarkError('INVALID_ARGUMENT', message)
    }
    const moves = places.map((place) => moveOf(place, checked.kind === 'current'))
    const movedCount = moves.filter((move, index) => !isAt(places[index]!, move)).length
    const changes: ResetChange[] = []
    for (const [index, place] of places.entries()) changes.push(await this.#change(place, moves[index]!, movedCount))
    return new ResetPlan(this.#context, { group, changes, members: await readMembers(this.#broker, group) })
  }

  /** The plan that puts partitions back where they were. */
  async planBack(group: string, formers: readonly Former[], lostPartitions: number): Promise<ResetPlan> {
    const ranges = await this.#ranges(formers)
    const changes: ResetChange[] = []
    for (const [index, { topic, partition, before, after, hasMovedOn }] of formers.entries()) {
      const move = moveBack(after?.offset ?? null, { before, ...ranges[index]! })
      const counts = await this.#counts({ topic, partition }, move)
      changes.push({
        topic,
        partition,
        before,
        after,
        ...counts,
        outside: move.outside,
        isUnchanged: false,
        hasMovedOn,
      })
    }
    const members = await readMembers(this.#broker, group)
    return new ResetPlan(this.#context, { group, changes, members, lostPartitions })
  }

  async #topics(
    commits: readonly GroupOffset[],
    target: CheckedTarget,
    scope: ResetScope,
  ): Promise<ReadonlyMap<string, TopicMetadata>> {
    const named =
      scope.topics?.map(topicOf) ?? (target.kind === 'rows' ? target.rows : commits).map(({ topic }) => topic)
    const { topics } = await this.#broker.metadata({ topics: [...new Set(named)] })
    return new Map(topics.map((topic) => [topic.name, topic]))
  }

  async #places(
    group: string,
    target: CheckedTarget,
    partitions: readonly TopicPartition[],
    commits: readonly GroupOffset[],
    topics: ReadonlyMap<string, TopicMetadata>,
  ): Promise<Place[]> {
    const ranges = await this.#ranges(partitions)
    const positions =
      target.kind === 'position' ? await offsetsAt(this.#broker, partitions, target.position) : undefined
    return partitions.map((place, index) => {
      const commit = commits.find((each) => isSamePartition(each, place))
      const isOfFormerTopic = commit?.topicId != null && commit.topicId !== topics.get(place.topic)?.topicId
      const before = commit === undefined || isOfFormerTopic ? null : positionOf(commit)
      const range = ranges[index]!
      const wanted = positions?.[index]?.offset ?? wantedOffset(group, target, place, before, range.logEndOffset)
      return { ...place, ...range, before, wanted }
    })
  }

  async #ranges(partitions: readonly TopicPartition[]): Promise<Omit<ResetPlace, 'before'>[]> {
    const starts = await offsetsAt(this.#broker, partitions, 'earliest')
    const ends = await offsetsAt(this.#broker, partitions, 'latest')
    return starts.map(({ offset }, index) => ({ logStartOffset: offset, logEndOffset: ends[index]!.offset }))
  }

  /** `movedCount`: of so many partitions that the plan moves. */
  async #change(place: Place, move: Move, movedCount: number): Promise<ResetChange> {
    const { topic, partition, before } = place
    const isUnchanged = isAt(place, move)
    const counts = await this.#counts(place, move)
    const after = isUnchanged ? before : await this.#resetPosition(place, move.offset, movedCount)
    if (!isUnchanged) checkResetMetadata(after!.metadata, place)
    return { topic, partition, before, after, ...counts, outside: move.outside, isUnchanged, hasMovedOn: false }
  }

  async #resetPosition(place: Place, offset: number, movedCount: number): Promise<CommittedPosition> {
    const leaderEpoch = offset > place.logStartOffset ? await this.#epochAt(place, offset - 1) : -1
    return { offset, leaderEpoch, metadata: resetMetadata(place.before, movedCount) }
  }

  /** The epoch of the record at `offset`; −1 where that record is gone: a wrong epoch would make other clients hang or rewind. */
  async #epochAt(place: TopicPartition, offset: number): Promise<number> {
    const [batch] = (await new StoredBatches(this.#broker, place).slice(offset, { maxBytes: 1 })).batches
    if (batch === undefined || batch.baseOffset > offset || batch.lastOffset < offset) return -1
    return batch.partitionLeaderEpoch
  }

  async #counts(
    { topic, partition }: TopicPartition,
    { redelivered, skipped }: Pick<Move, 'redelivered' | 'skipped'>,
  ): Promise<Pick<ResetChange, 'redelivered' | 'skipped'>> {
    const count = async ({ from, to }: OffsetRange): Promise<number | null> => {
      if (from >= to) return 0
      const partitions = [{ topic, partition, fromOffset: from, toOffset: to }]
      return (await this.#broker.countRecords({ partitions })).partitions[0]?.records ?? null
    }
    return { redelivered: await count(redelivered), skipped: await count(skipped) }
  }
}

/** Kafka's tools leave a commit outside the log where it is, if nothing but that is asked for. */
function moveOf(place: Place, isCurrent: boolean): Move {
  const { before, wanted } = place
  return isCurrent && before !== null
    ? { ...moveBack(before.offset, place), offset: before.offset }
    : moveTo(wanted, place)
}

/** Whether the group is there already. */
function isAt({ before }: Place, { offset }: Move): boolean {
  return before?.offset === offset
}

function placesIn(
  topics: ReadonlyMap<string, TopicMetadata>,
  commits: readonly GroupOffset[],
  target: CheckedTarget,
  scope: ResetScope,
): TopicPartition[] {
  const named = scope.topics?.flatMap((each) => partitionsNamed(topics, each))
  const places =
    target.kind !== 'rows'
      ? // A topic that is gone has nowhere to go to.
        (named ?? commits.filter(({ topic, topicId }) => isThere(topics.get(topic), topicId)))
      : target.rows.filter((row) => named === undefined || named.some((each) => isSamePartition(each, row)))
  for (const place of places) checkPartition(topics, place)
  return places.map(({ topic, partition }) => ({ topic, partition })).sort(byPartition)
}

function partitionsNamed(
  topics: ReadonlyMap<string, TopicMetadata>,
  named: NonNullable<ResetScope['topics']>[number],
): TopicPartition[] {
  const topic = topicOf(named)
  if (typeof named !== 'string') return [...new Set(named.partitions)].map((partition) => ({ topic, partition }))
  checkPartition(topics, { topic, partition: 0 })
  return (topics.get(topic)?.partitions ?? []).map(({ partition }) => ({ topic, partition }))
}

/** Throws UNKNOWN_TOPIC. */
function checkPartition(topics: ReadonlyMap<string, TopicMetadata>, { topic, partition }: TopicPartition): void {
  const found = topics.get(topic)
  if (found === undefined) throw new TidemarkError('UNKNOWN_TOPIC', `There is no topic "${topic}".`, { topic })
  if (found.partitions.some((each) => each.partition === partition)) return
  const message = `Topic ${topic} has no partition ${partition}: it has 0 to ${found.partitions.length - 1}.`
  throw new TidemarkError('UNKNOWN_TOPIC', message, { topic, partition })
}

function isThere(topic: TopicMetadata | undefined, topicId: string | null): boolean {
  return topic !== undefined && (topicId === null || topicId === topic.topicId)
}

function topicOf(named: NonNullable<ResetScope['topics']>[number]): string {
  return typeof named === 'string' ? named : named.topic
}

function wantedOffset(
  group: string,
  target: CheckedTarget,
  place: TopicPartition,
  before: CommittedPosition | null,
  logEndOffset: number,
): number {
  if (target.kind === 'rows') return target.rows.find((row) => isSamePartition(row, place))?.offset ?? logEndOffset
  if (target.kind !== 'by') return before?.offset ?? logEndOffset
  if (before !== null) return before.offset + target.by
  const message = `Group "${group}" never committed on ${place.topic}-${place.partition}, so there is nothing to go ${target.by} on from.`
  throw new TidemarkError('INVALID_ARGUMENT', message, place)
}

function positionOf({ offset, leaderEpoch, metadata }: GroupOffset): CommittedPosition {
  return { offset, leaderEpoch, metadata }
}
