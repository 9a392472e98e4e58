import type { Broker, TopicPartition } from '../broker/broker.ts'
import type { LagRow } from '../client/lag.ts'
import { StoredBatches } from '../client/stored-batches.ts'
import { TidemarkError } from '../errors.ts'
import { partitionId } from '../group/partition-id.ts'
import { CommitHistory, type CommitHistoryEntry } from '../offsets/commit-history.ts'
import { groupPartition } from '../offsets/group-partition.ts'
import { CONSUMER_OFFSETS_TOPIC } from '../topic/topic-name.ts'
import { type ActivityOfGroup, GroupActivity } from './group-activity.ts'
import type { OffsetSample } from './group-progress.ts'
import type { DepartureFacts } from './stuck-tries.ts'

/** How far back is looked. */
export interface SourceSpan {
  readonly nowMs: number
  /** For how the logs grew. */
  readonly windowMs: number
  /** For what groups committed and who came and went. */
  readonly historyMs: number
}

/** What a partition's health is concluded from. */
export interface PartitionSource {
  readonly row: LagRow
  readonly partitionId: string
  readonly commits: readonly CommitHistoryEntry[]
  readonly ends: readonly OffsetSample[]
  readonly nextRecord: { readonly offset: number; readonly timestampMs: number } | null
  readonly retentionMs: number
  readonly retentionBytes: number
}

interface TopicFacts {
  readonly topicId: string
  readonly retentionMs: number
  readonly retentionBytes: number
}

/** Of how many departures of a group it is asked what was left unread. */
const KNOWN_DEPARTURES = 20
/** How many moments of the window the log's end is asked for. */
const END_SAMPLES = 4

/** Reads through the port what the rules of health need: each partition of `__consumer_offsets` once, however many groups it has. */
export class GroupSources {
  readonly #broker: Broker
  readonly #span: SourceSpan
  readonly #histories = new Map<number, { readonly commits: CommitHistory; readonly activity: GroupActivity }>()
  #offsetsPartitions: number | undefined

  constructor(broker: Broker, span: SourceSpan) {
    this.#broker = broker
    this.#span = span
  }

  async partitions(rows: readonly LagRow[]): Promise<PartitionSource[]> {
    const topics = await this.#topics(rows)
    const ends = await this.#ends(rows.filter(({ logEndOffset }) => logEndOffset !== null))
    const sources: PartitionSource[] = []
    for (const row of rows) {
      const { topic, partition, group } = row
      const { retentionMs = -1, retentionBytes = -1, topicId = '' } = topics.get(topic) ?? {}
      const history = await this.#history(group)
      sources.push({
        row,
        partitionId: partitionId(topicId, partition),
        commits: commitsOf(row, history?.commits.entries(group, topic, partition) ?? []),
        ends: ends.get(placeOf(row)) ?? [],
        nextRecord: await this.#nextRecord(row),
        retentionMs,
        retentionBytes,
      })
    }
    return sources
  }

  async activity(group: string): Promise<ActivityOfGroup> {
    const history = await this.#history(group)
    return history?.activity.of(group) ?? new GroupActivity().of(group)
  }

  /** Who left a group, and where the logs of its partitions ended then: of the newest, which are what counts. */
  async departures(group: string, partitions: readonly PartitionSource[]): Promise<DepartureFacts[]> {
    const { departures } = await this.activity(group)
    const unknown = departures.slice(0, -KNOWN_DEPARTURES).map((each) => ({ ...each, endOffsets: new Map() }))
    const known = departures.slice(-KNOWN_DEPARTURES).map(async (departure) => {
      const held = partitions.filter(({ partitionId: id }) => departure.partitions.has(id))
      const ends = await this.#endsAt(held, departure.atMs + 1)
      return { ...departure, endOffsets: new Map(held.map(({ partitionId: id }, index) => [id, ends[index]!])) }
    })
    return [...unknown, ...(await Promise.all(known))]
  }

  /** Told from the timestamps of the records. */
  async #endsAt(sources: readonly PartitionSource[], timestampMs: number): Promise<number[]> {
    const partitions = sources.map(({ row: { topic, partition } }) => ({ topic, partition, at: { timestampMs } }))
    const { partitions: answers } = await this.#broker.listOffsets({ isolation: 'read_uncommitted', partitions })
    return answers.map(({ error, offset }, index) => {
      const end = sources[index]?.row.logEndOffset ?? 0
      return error !== null || offset < 0 ? end : Math.min(offset, end)
    })
  }

  async #history(group: string) {
    this.#offsetsPartitions ??= await this.#countOffsetsPartitions()
    if (this.#offsetsPartitions === 0) return undefined
    const partition = groupPartition(group, this.#offsetsPartitions)
    const known = this.#histories.get(partition)
    if (known !== undefined) return known
    const history = { commits: new CommitHistory(), activity: new GroupActivity() }
    this.#histories.set(partition, history)
    const stored = new StoredBatches(this.#broker, { topic: CONSUMER_OFFSETS_TOPIC, partition })
    for await (const batches of stored.slices({ sinceMs: this.#span.nowMs - this.#span.historyMs })) {
      for (const batch of batches) {
        history.commits.replayBatch(partition, batch)
        history.activity.replayBatch(batch)
      }
    }
    return history
  }

  async #countOffsetsPartitions(): Promise<number> {
    const { topics } = await this.#broker.metadata({ topics: [CONSUMER_OFFSETS_TOPIC] })
    return topics.find(({ name }) => name === CONSUMER_OFFSETS_TOPIC)?.partitions.length ?? 0
  }

  async #topics(rows: readonly LagRow[]): Promise<ReadonlyMap<string, TopicFacts>> {
    const { topics } = await this.#broker.metadata({ topics: [...new Set(rows.map(({ topic }) => topic))] })
    const configs = await this.#broker.describeConfigs({ topics: topics.map(({ name }) => name) })
    return new Map(
      topics.map(({ name, topicId }) => {
        const described = configs.topics.find((each) => each.name === name)?.configs ?? []
        const numberOf = (config: string) => Number(described.find((each) => each.name === config)?.value ?? -1)
        const isDeleted = described.find((each) => each.name === 'cleanup.policy')?.value.includes('delete') ?? true
        const retentionMs = isDeleted ? numberOf('retention.ms') : -1
        return [name, { topicId, retentionMs, retentionBytes: isDeleted ? numberOf('retention.bytes') : -1 }]
      }),
    )
  }

  /** How the logs grew, told from the timestamps of their records: of the past nobody kept the ends. */
  async #ends(rows: readonly LagRow[]): Promise<ReadonlyMap<string, readonly OffsetSample[]>> {
    const { nowMs, windowMs } = this.#span
    const places = [...new Map(rows.map((row) => [placeOf(row), row])).values()]
    const ends = new Map(places.map((row) => [placeOf(row), [] as OffsetSample[]]))
    for (let index = END_SAMPLES; index > 0; index--) {
      const atMs = Math.floor(nowMs - (windowMs * index) / END_SAMPLES)
      const at = { timestampMs: Math.max(0, atMs) }
      const partitions = places.map(({ topic, partition }) => ({ topic, partition, at }))
      const answers = await this.#broker.listOffsets({ isolation: 'read_uncommitted', partitions })
      for (const answer of answers.partitions) {
        if (answer.error === null) ends.get(placeOf(answer))?.push({ atMs, offset: answer.offset })
      }
    }
    for (const row of places) ends.set(placeOf(row), withEnd(ends.get(placeOf(row)) ?? [], row, nowMs))
    return ends
  }

  async #nextRecord(row: LagRow): Promise<PartitionSource['nextRecord']> {
    const { committedOffset, logStartOffset, logEndOffset, lagRecords } = row
    if (logStartOffset === null || logEndOffset === null || lagRecords === 0) return null
    const from = Math.max(committedOffset ?? logStartOffset, logStartOffset)
    try {
      return await this.#firstRecord(row, from, logEndOffset)
    } catch (error) {
      if (error instanceof TidemarkError) return null
      throw error
    }
  }

  async #firstRecord(place: TopicPartition, from: number, to: number): Promise<PartitionSource['nextRecord']> {
    const stored = new StoredBatches(this.#broker, { topic: place.topic, partition: place.partition })
    let offset = from
    while (offset < to) {
      const { batches, nextOffset } = await stored.slice(offset, { maxBytes: 1 })
      for (const batch of batches) {
        const record = batch.isControl ? undefined : batch.records().find((each) => each.offset >= from)
        if (record !== undefined) return { offset: record.offset, timestampMs: record.timestampMs }
      }
      if (nextOffset <= offset) return null
      offset = nextOffset
    }
    return null
  }
}

/** What is committed now belongs to the history, even if it was committed before the time looked back at. */
function commitsOf(row: LagRow, entries: readonly CommitHistoryEntry[]): readonly CommitHistoryEntry[] {
  if (entries.length > 0 || row.committedOffset === null || row.committedAtMs === null) return entries
  const { committedOffset: offset, committedAtMs: timestampMs, metadata } = row
  const leaderEpoch = row.leaderEpoch ?? -1
  return [{ kind: 'commit', offset, leaderEpoch, timestampMs, metadata: metadata ?? '', topicId: null, logOffset: -1 }]
}

/** The samples with the end of now. Where no record is as new as a moment, the log had this end already. */
function withEnd(samples: readonly OffsetSample[], row: LagRow, nowMs: number): OffsetSample[] {
  const end = row.logEndOffset ?? 0
  const known = samples.map(({ atMs, offset }) => ({ atMs, offset: offset < 0 ? end : Math.min(offset, end) }))
  return [...known, { atMs: nowMs, offset: end }]
}

function placeOf({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`
}
