import type { Broker } from '../broker/broker.ts'
import type { LagRow } from '../client/lag.ts'
import { partitionId } from '../group/partition-id.ts'
import type { CommitHistoryEntry } from '../offsets/commit-history.ts'
import type { ActivityOfGroup, Departure } from './group-activity.ts'
import type { GroupPlace } from './group-place.ts'
import type { OffsetSample } from './group-progress.ts'
import type { GroupTrail } from './group-trail.ts'
import { type NextRecord, NextRecords } from './next-records.ts'
import { PastEnds } from './past-ends.ts'
import type { DepartureFacts } from './stuck-tries.ts'

/** For which moment, and how far back is looked at how the logs grew. */
export interface SourceSpan {
  readonly nowMs: number
  readonly windowMs: number
}

/** What a partition's health is concluded from. */
export interface PartitionSource extends GroupPlace {
  readonly commits: readonly CommitHistoryEntry[]
  /** Where the log ended when what is looked back at began, and where it ends now. */
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

/** Reads through the port what the rules of health need, and keeps what will be needed again. */
export class GroupSources {
  readonly #broker: Broker
  readonly #trail: GroupTrail
  readonly #nextRecords: NextRecords
  readonly #pastEnds: PastEnds

  /** What groups did is told by the trail, as far as that has been read. */
  constructor(broker: Broker, trail: GroupTrail) {
    this.#broker = broker
    this.#trail = trail
    this.#nextRecords = new NextRecords(broker)
    this.#pastEnds = new PastEnds(broker)
  }

  async partitions(rows: readonly LagRow[], { nowMs, windowMs }: SourceSpan): Promise<PartitionSource[]> {
    const topics = await this.#topics(rows)
    const places = rows.map((row) => {
      const commits = commitsOf(row, this.#trail.commits(row.group, row.topic, row.partition))
      const atMs = Math.max(nowMs - windowMs, commits[0]?.timestampMs ?? 0)
      return { row, partitionId: partitionId(topics.get(row.topic)?.topicId ?? '', row.partition), commits, atMs }
    })
    await this.#pastEnds.find(places.filter(({ commits }) => commits.length > 0))
    await this.#nextRecords.find(places)
    return places.map((place) => {
      const { row, commits } = place
      const { retentionMs = -1, retentionBytes = -1 } = topics.get(row.topic) ?? {}
      return {
        row,
        partitionId: place.partitionId,
        commits,
        ends: endsOf(row, this.#pastEnds.of(place), nowMs),
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
}

/** What is committed now belongs to the history, even if it was committed before the time looked back at. */
function commitsOf(row: LagRow, entries: readonly CommitHistoryEntry[]): readonly CommitHistoryEntry[] {
  if (entries.length > 0 || row.committedOffset === null || row.committedAtMs === null) return entries
  const { committedOffset: offset, committedAtMs: timestampMs, metadata } = row
  const leaderEpoch = row.leaderEpoch ?? -1
  return [{ kind: 'commit', offset, leaderEpoch, timestampMs, metadata: metadata ?? '', topicId: null, logOffset: -1 }]
}

function endsOf({ logEndOffset }: LagRow, pastEnd: OffsetSample | null, nowMs: number): OffsetSample[] {
  if (logEndOffset === null) return []
  const end = { atMs: nowMs, offset: logEndOffset }
  return pastEnd === null ? [end] : [pastEnd, end]
}
