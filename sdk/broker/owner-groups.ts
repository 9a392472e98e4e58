import { assert } from '../assert.ts'
import type { Environment, Timer } from '../environment/environment.ts'
import { GroupCoordinator } from '../group/coordinator.ts'
import { JOIN_EPOCH } from '../group/member-epoch.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import { type CoordinatorRecord, encodeCoordinatorBatch } from '../offsets/coordinator-record.ts'
import { RecordBatch } from '../record/record-batch.ts'
import type { TopicImage } from '../topic/topic-image.ts'
import { CONSUMER_OFFSETS_TOPIC } from '../topic/topic-name.ts'
import type {
  AlterConsumerGroupOffsetsRequest,
  ConsumerGroupHeartbeatRequest,
  ConsumerGroupHeartbeatResponse,
  DeleteGroupsRequest,
  OffsetCommitRequest,
  OffsetCommitResponse,
  OffsetDeleteRequest,
  TxnOffsetCommitRequest,
} from './broker.ts'
import { replayCoordinatorLog } from './coordinator-replay.ts'
import { CoordinatorTopic } from './coordinator-topic.ts'
import type { LedPartition, LedPartitions } from './led-partitions.ts'
import { LOOP_STEP_MS, LoopClock } from './loop-clock.ts'
import type { MetadataLog } from './metadata-log.ts'
import type { OwnerTopics } from './owner-topics.ts'
import { topicShapes } from './topic-shapes.ts'

/** A loop commits up to some 3,000 times a second; a flush costs 35 µs of this thread and 200 of another. */
const FLUSH_LINGER_MS = 10

/**
 * The coordinator of an owned directory: `__consumer_offsets` behind it, and a timer for members that fall silent.
 * What the coordinator decides is appended and replayed before the call returns; only flushing comes later.
 */
export class OwnerGroups {
  readonly coordinator: GroupCoordinator
  readonly #environment: Environment
  readonly #metadata: MetadataLog
  readonly #partitions: LedPartitions
  readonly #topic: CoordinatorTopic
  readonly #loopClock: LoopClock
  /** Offsets partitions that will be flushed in a moment. */
  readonly #flushing = new Set<PartitionLog>()
  #timer: Timer | undefined

  constructor(environment: Environment, metadata: MetadataLog, partitions: LedPartitions, topics: () => OwnerTopics) {
    this.#environment = environment
    this.#metadata = metadata
    this.#partitions = partitions
    const create = () => topics().createOffsetsTopic()
    this.#topic = new CoordinatorTopic(CONSUMER_OFFSETS_TOPIC, { metadata, partitions, create })
    this.#loopClock = new LoopClock(environment.clock)
    const shapes = topicShapes(metadata.image)
    this.coordinator = new GroupCoordinator({
      append: (group, records) => this.#append(group, records),
      topics: () => shapes,
      loopClock: () => this.#loopClock.nowMs(),
      nowMs: () => environment.clock.nowMs(),
    })
  }

  /** Replays every offsets partition on the disk, then empties the groups of whoever owned the directory before. */
  async load(): Promise<void> {
    let lastSignMs = Number.NEGATIVE_INFINITY
    for (const log of this.#topic.logs()) {
      const replay = (batch: RecordBatch) => {
        this.coordinator.replayBatch(log.partition, batch)
        lastSignMs = Math.max(lastSignMs, batch.maxTimestampMs)
      }
      replayCoordinatorLog(log, 0, replay, (message) => {
        this.#environment.process.emitWarning(message, 'TIDEMARK_COMMITS_DAMAGED')
      })
    }
    for (const group of this.coordinator.table.all()) if (group.state !== 'Empty') await this.#topic.lead(group.groupId)
    // A clock that was set back since then says nothing.
    this.coordinator.removeMembersOfPreviousOwner(Math.max(0, this.#environment.clock.nowMs() - lastSignMs))
    if (this.coordinator.nextDeadlineMs() < Number.POSITIVE_INFINITY) this.#watchDeadlines()
    await this.#strikeCommitsOfRemovedTopics()
  }

  /** A crash in the middle of a topic's deletion leaves commits that a new topic of that name must not be thought to have. */
  async #strikeCommitsOfRemovedTopics(): Promise<void> {
    const { offsets } = this.coordinator.table
    for (const group of offsets.groups()) {
      const partitions = offsets
        .partitionsOf(group)
        .filter(({ topicId }) => topicId !== null && this.#metadata.wasRemoved(topicId))
      if (partitions.length > 0) await this.deleteOffsets({ group, partitions })
    }
  }

  async heartbeat(request: ConsumerGroupHeartbeatRequest): Promise<ConsumerGroupHeartbeatResponse> {
    if (this.#topic.led(request.group) === undefined) await this.#topic.lead(request.group)
    const response = this.coordinator.heartbeat({
      ...request,
      instanceId: request.instanceId ?? null,
      rackId: request.rackId ?? null,
      serverAssignor: request.serverAssignor ?? null,
    })
    this.#watchDeadlines()
    // Whoever leaves may be the last to look after what it has committed: it is on the disk when it hears that it is out.
    if (request.memberEpoch < JOIN_EPOCH) await this.#topic.led(request.group)?.log.flush()
    return response
  }

  /** Appends before it returns its promise, but for the first commit of an ownership in an offsets partition. */
  async commit(request: OffsetCommitRequest): Promise<OffsetCommitResponse> {
    const led = this.#topic.led(request.group) ?? (await this.#topic.lead(request.group))
    const response = this.coordinator.commit(request)
    if (request.survives === 'power-loss') await led.log.flush()
    return response
  }

  /**
   * Commits as a part of a transaction, once `join` has noted that it is in the offsets partition. All or nothing: where a
   * partition is refused, none is committed.
   */
  async commitInTransaction(
    request: TxnOffsetCommitRequest,
    join: (topic: string, partition: number) => void,
  ): Promise<OffsetCommitResponse> {
    const led = this.#topic.led(request.group) ?? (await this.#topic.lead(request.group))
    const { records, partitions } = this.coordinator.planTransactionalCommit(request)
    if (records.length === 0 || partitions.some(({ error }) => error !== null)) return { partitions }
    join(CONSUMER_OFFSETS_TOPIC, led.log.partition)
    this.#appendTo(led, encodeCoordinatorBatch(records, this.#environment.clock.nowMs(), request))
    return { partitions }
  }

  /** A transaction ends in an offsets partition. */
  replayMarker(offsetsPartition: number, marker: RecordBatch): void {
    this.coordinator.replayBatch(offsetsPartition, marker)
  }

  async deleteGroups({ groups }: DeleteGroupsRequest): Promise<void> {
    const led = []
    for (const group of groups) led.push(await this.#leadKnown(group))
    this.coordinator.deleteGroups(groups)
    await Promise.all(led.map((each) => each?.log.flush()))
  }

  async deleteOffsets(request: OffsetDeleteRequest): Promise<void> {
    const led = await this.#leadKnown(request.group)
    this.coordinator.deleteOffsets(request)
    await led?.log.flush()
  }

  async alterOffsets(request: AlterConsumerGroupOffsetsRequest): Promise<void> {
    const led = this.#topic.led(request.group) ?? (await this.#topic.lead(request.group))
    this.coordinator.alterOffsets(request)
    await led.log.flush()
  }

  /** Strikes out what groups committed for a topic that is gone. */
  async topicDeleted({ name, topicId }: TopicImage): Promise<void> {
    const groups = this.coordinator.table.offsets.tombstonesOfTopic(name, topicId).map(({ group }) => group)
    const led = []
    for (const group of groups) led.push(await this.#topic.lead(group))
    this.coordinator.topicDeleted(name, topicId)
    await Promise.all(led.map(({ log }) => log.flush()))
  }

  close(): void {
    this.#timer?.cancel()
  }

  /** A group that nobody knows has nothing to delete; asking for it must not write anything. */
  async #leadKnown(group: string): Promise<LedPartition | undefined> {
    return this.coordinator.table.get(group) === undefined ? undefined : await this.#topic.lead(group)
  }

  #append(group: string, records: readonly CoordinatorRecord[]): void {
    const led = this.#topic.led(group)
    assert(led !== undefined, `the offsets partition of ${group} is led before anything is decided`)
    this.#appendTo(led, encodeCoordinatorBatch(records, this.#environment.clock.nowMs()))
    this.#flushSoon(led.log)
  }

  #appendTo(led: LedPartition, bytes: Buffer): void {
    this.#partitions.append(led, bytes)
    this.coordinator.replayBatch(led.log.partition, new RecordBatch(bytes))
  }

  /**
   * As durable as any other write, but nobody waits for it, so that many commits share one flush. A failure shows at the
   * next append, which is refused.
   */
  #flushSoon(log: PartitionLog): void {
    if (this.#flushing.has(log)) return
    this.#flushing.add(log)
    this.#environment.timers.after(FLUSH_LINGER_MS, () => {
      this.#flushing.delete(log)
      log.flush().catch(() => {})
    })
  }

  /** Looks at the deadlines once per step of the loop clock, as long as any group has members. */
  #watchDeadlines(): void {
    if (this.#timer !== undefined) return
    this.#timer = this.#environment.timers.after(LOOP_STEP_MS, () => {
      this.#timer = undefined
      try {
        this.coordinator.expire(this.#loopClock.nowMs())
      } catch (error) {
        // The offsets partition takes no more appends; whoever commits or beats next is told why.
        this.#environment.process.emitWarning((error as Error).message, 'TIDEMARK_GROUPS_STOPPED')
        return
      }
      if (this.coordinator.nextDeadlineMs() < Number.POSITIVE_INFINITY) this.#watchDeadlines()
    })
  }
}
