import type { Broker, TopicPartition } from '../broker/broker.ts'
import type { LagRow } from '../client/lag.ts'
import { partitionId } from '../group/partition-id.ts'
import type { CommitHistoryEntry } from '../offsets/commit-history.ts'
import type { ActivityOfGroup, Departure } from './group-activity.ts'
import type { OffsetSample } from './group-progress.ts'
import type { GroupTrail } from './group-trail.ts'
import { type NextRecord, NextRecords } from './next-records.ts'
import type { DepartureFacts } from './stuck-tries.ts'

/** For which moment, and how far back is looked at how the logs grew. */
export interface SourceSpan {
  readonly nowMs: number
  readonly windowMs: number
}

/** What a partition's health is concluded from. */
export interface PartitionSource {
  readonly row: LagRow
  readonly partitionId: string
  readonly commits: readonly CommitHistoryEntry[]
  readonly ends: readonly OffsetSample[]
  readonly nextRecord: NextRecord | null
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

/** Reads through the port what the rules of health need, and keeps what will be needed again. */
export class GroupSources {
  readonly #broker: Broker
  readonly #trail: GroupTrail
  readonly #nextRecords: NextRecords
  /** As they were asked for the moment `#endsAtMs`. */
  readonly #ends = new Map<string, readonly OffsetSample[]>()
  #endsAtMs = Number.NaN

  /** What groups did is told by the trail, as far as that has been read. */
  constructor(broker: Broker, trail: GroupTrail) {
    this.#broker = broker
    this.#trail = trail
    this.#nextRecords = new NextRecords(broker)
  }

  async partitions(rows: readonly LagRow[], span: SourceSpan): Promise<PartitionSource[]> {
    const topics = await this.#topics(rows)
    await this.#askEnds(rows, span)
    const places = rows.map((row) => ({
      row,
      partitionId: partitionId(topics.get(row.topic)?.topicId ?? '', row.partition),
    }))
    await this.#nextRecords.find(places)
    return places.map((place) => {
      const { row } = place
      const { retentionMs = -1, retentionBytes = -1 } = topics.get(row.topic) ?? {}
      return {
        ...place,
        commits: commitsOf(row, this.#trail.commits(row.group, row.topic, row.partition)),
        ends: row.logEndOffset === null ? [] : (this.#ends.get(placeOf(row)) ?? []),
        nextRecord: this.#nextRecords.of(place),
        retentionMs,
        retentionBytes,
      }
    })
  }

  activity(group: string): ActivityOfGroup {
    return this.#trail.activity(group)
  }

  /** Who left a group, and where the logs of its partitions ended then: of the newest, which are what counts. */
  async departures(group: string, partitions: readonly PartitionSource[]): Promise<DepartureFacts[]> {
    const { departures } = this.activity(group)
    const unknown = departures.slice(0, -KNOWN_DEPARTURES).map((each) => ({ ...each, endOffsets: new Map() }))
    const known = departures
      .slice(-KNOWN_DEPARTURES)
      .map((each) => ({ ...each, endOffsets: new Map<string, number>() }))
    const asked = known.flatMap((departure) => {
      const held = partitions.filter(({ partitionId: id }) => departure.partitions.has(id))
      return held.map((source) => ({ departure, source }))
    })
    const ends = await this.#endsAt(asked)
    for (const [index, { departure, source }] of asked.entries()) {
      departure.endOffsets.set(source.partitionId, ends[index]!)
    }
    return [...unknown, ...known]
  }

  /** Told from the timestamps of the records. */
  async #endsAt(
    asked: readonly { readonly departure: Departure; readonly source: PartitionSource }[],
  ): Promise<readonly number[]> {
    if (asked.length === 0) return []
    const partitions = asked.map(
      ({
        departure,
        source: {
          row: { topic, partition },
        },
      }) => {
        return { topic, partition, at: { timestampMs: departure.atMs + 1 } }
      },
    )
    const { partitions: answers } = await this.#broker.listOffsets({ isolation: 'read_uncommitted', partitions })
    return answers.map(({ error, offset }, index) => {
      const end = asked[index]?.source.row.logEndOffset ?? 0
      return error !== null || offset < 0 ? end : Math.min(offset, end)
    })
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

  /** Asks how the logs grew, told from the timestamps of their records: of the past nobody kept the ends. */
  async #askEnds(rows: readonly LagRow[], { nowMs, windowMs }: SourceSpan): Promise<void> {
    if (nowMs !== this.#endsAtMs) this.#ends.clear()
    this.#endsAtMs = nowMs
    const unknown = rows.filter((row) => row.logEndOffset !== null && !this.#ends.has(placeOf(row)))
    const places = [...new Map(unknown.map((row) => [placeOf(row), row])).values()]
    const samples = new Map(places.map((row) => [placeOf(row), [] as OffsetSample[]]))
    for (let index = END_SAMPLES; index > 0; index--) {
      const atMs = Math.floor(nowMs - (windowMs * index) / END_SAMPLES)
      const at = { timestampMs: Math.max(0, atMs) }
      const partitions = places.map(({ topic, partition }) => ({ topic, partition, at }))
      const answers = await this.#broker.listOffsets({ isolation: 'read_uncommitted', partitions })
      for (const answer of answers.partitions) {
        if (answer.error === null) samples.get(placeOf(answer))?.push({ atMs, offset: answer.offset })
      }
    }
    for (const row of places) this.#ends.set(placeOf(row), withEnd(samples.get(placeOf(row)) ?? [], row, nowMs))
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
