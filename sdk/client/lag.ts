import type { DescribedGroup, ListOffsetsResponse, MemberDescription, TopicPartition } from '../broker/broker.ts'
import { TidemarkError } from '../errors.ts'
import { type Lag, type LagState, lagOf, lagOfDeletedTopic, lagUnavailable } from '../offsets/lag.ts'
import type { ClientContext, Finishable } from './client-context.ts'
import { type GroupOffset, readGroupOffsets } from './group-offsets.ts'
import { checkOptions, milliseconds, type OptionKinds, signal, text } from './option-check.ts'
import { byPartition, isSamePartition } from './topic-partition.ts'

/** How far a group is behind on a partition. null where there is nothing to say; Kafka's tools print "-" there. */
export interface LagRow extends TopicPartition {
  readonly group: string
  /** The next offset to read. */
  readonly committedOffset: number | null
  readonly leaderEpoch: number | null
  readonly metadata: string | null
  /** When it was committed, milliseconds since 1970. */
  readonly committedAtMs: number | null
  readonly logStartOffset: number | null
  /** The end of what can be read. */
  readonly logEndOffset: number | null
  /** Log end − committed offset, as Kafka's tools count: it may be negative. */
  readonly lag: number | null
  /** The records that are really there to be read. null: that cannot be told, `lag` is the most it can be. */
  readonly lagRecords: number | null
  readonly lagState: LagState
  /** Why it is `unavailable`. */
  readonly reason: string | null
  /** Who holds the partition. */
  readonly memberId: string | null
  readonly clientId: string | null
  readonly host: string | null
}

/** Whose lag is asked for. */
export interface LagOptions {
  /** Default: every group. */
  readonly group?: string | undefined
}

/** Whose lag is watched, how often, and until when. */
export interface WatchLagOptions extends LagOptions {
  /** Ends the watching quietly. */
  readonly signal?: AbortSignal | undefined
  /** How often to look, in milliseconds. Default 250. */
  readonly intervalMs?: number | undefined
}

interface Place extends TopicPartition {
  readonly commit: GroupOffset | undefined
  readonly member: MemberDescription | undefined
}

type Ends = ReadonlyMap<string, ListOffsetsResponse['partitions'][number]>

const WATCH_INTERVAL_MS = 250
const LAG_KINDS: OptionKinds<LagOptions> = { group: text }
const WATCH_LAG_KINDS: OptionKinds<WatchLagOptions> = { ...LAG_KINDS, signal, intervalMs: milliseconds(1) }

/**
 * One row per partition that a group has committed or a member holds, by group, topic and partition. Commits are read
 * before the ends, so a lag is never negative without reason.
 */
export async function readLag(context: ClientContext, options: LagOptions = {}): Promise<LagRow[]> {
  checkOptions('lag', options, LAG_KINDS)
  return await new LagCollector(context).lag(options)
}

/** The rows now, and again whenever one has changed, until the signal aborts or the client is closed. */
export function watchLag(context: ClientContext, options: WatchLagOptions = {}): AsyncIterable<LagRow[]> {
  checkOptions('watchLag', options, WATCH_LAG_KINDS)
  return { [Symbol.asyncIterator]: () => new LagCollector(context).watch(options) }
}

/** Puts together how far groups are behind. */
class LagCollector {
  readonly #context: ClientContext

  constructor(context: ClientContext) {
    this.#context = context
  }

  /** One row per partition that a group has committed or a member holds, by group, topic and partition. */
  async lag(question: LagOptions = {}): Promise<LagRow[]> {
    this.#context.checkOpen()
    const names = question.group === undefined ? await listGroupNames(this.#context) : [question.group]
    // Commits before ends: what is committed in between would look like a commit past the end.
    const places = new Map<string, readonly Place[]>()
    for (const group of names) places.set(group, await this.#places(group))
    const all = distinct([...places.values()].flat())
    const topicIds = await this.#topicIds(all)
    const existing = all.filter(({ topic }) => topicIds.has(topic))
    const starts = await this.#offsets(existing, 'earliest')
    const ends = await this.#offsets(existing, 'latest')
    const rows: LagRow[] = []
    for (const [group, partitions] of places) {
      for (const place of partitions) rows.push(await this.#row(group, place, { topicIds, starts, ends }))
    }
    return rows
  }

  async *watch(options: WatchLagOptions): AsyncGenerator<LagRow[], undefined> {
    const { signal, intervalMs = WATCH_INTERVAL_MS } = options
    this.#context.checkOpen()
    const closing = new AbortController()
    const stop = signal === undefined ? closing.signal : AbortSignal.any([signal, closing.signal])
    const watcher: Finishable = { close: async () => closing.abort() }
    this.#context.addConsumer(watcher)
    let last: string | undefined
    try {
      while (!stop.aborted) {
        const rows = await this.lag(options).catch((error: unknown) => {
          if (stop.aborted) return []
          throw error
        })
        if (stop.aborted) return
        const seen = JSON.stringify(rows)
        if (seen !== last) yield rows
        last = seen
        await this.#pause(intervalMs, stop)
      }
    } finally {
      this.#context.removeConsumer(watcher)
    }
  }

  async #places(group: string): Promise<Place[]> {
    const description = (await this.#context.broker.consumerGroupDescribe({ groups: [group] })).groups[0]
    const commits = await readGroupOffsets(this.#context.broker, group).catch((error: unknown) => {
      if (error instanceof TidemarkError && error.code === 'GROUP_NOT_FOUND') return []
      throw error
    })
    const held = heldBy(description)
    const wanted = new Map<string, TopicPartition>()
    for (const place of [...commits, ...held.map(({ place }) => place)]) wanted.set(keyOf(place), place)
    return [...wanted.values()].sort(byPartition).map(({ topic, partition }) => ({
      topic,
      partition,
      commit: commits.find((each) => isSamePartition(each, { topic, partition })),
      member: held.find(({ place }) => isSamePartition(place, { topic, partition }))?.member,
    }))
  }

  async #topicIds(places: readonly TopicPartition[]): Promise<ReadonlyMap<string, string>> {
    const names = [...new Set(places.map(({ topic }) => topic))]
    if (names.length === 0) return new Map()
    const { topics } = await this.#context.broker.metadata({ topics: names })
    return new Map(topics.map(({ name, topicId }) => [name, topicId]))
  }

  async #offsets(places: readonly TopicPartition[], at: 'earliest' | 'latest'): Promise<Ends> {
    if (places.length === 0) return new Map()
    const partitions = places.map(({ topic, partition }) => ({ topic, partition, at }))
    const answers = await this.#context.broker.listOffsets({ isolation: 'read_uncommitted', partitions })
    return new Map(answers.partitions.map((answer) => [keyOf(answer), answer]))
  }

  async #row(
    group: string,
    place: Place,
    known: { topicIds: ReadonlyMap<string, string>; starts: Ends; ends: Ends },
  ): Promise<LagRow> {
    const { topic, partition, commit, member } = place
    const start = known.starts.get(keyOf(place))
    const end = known.ends.get(keyOf(place))
    const isGone = !isSameTopic(commit, known.topicIds.get(topic))
    const problem = start?.error ?? end?.error
    const lag = isGone
      ? lagOfDeletedTopic()
      : start === undefined || end === undefined || problem != null
        ? lagUnavailable(problem?.message.replace(/\.$/, '') ?? 'the broker did not answer')
        : await this.#lagOf(place, start.offset, end.offset)
    const isKnown = !isGone && lag.lagState !== 'unavailable'
    return {
      group,
      topic,
      partition,
      committedOffset: commit?.offset ?? null,
      leaderEpoch: commit === undefined || commit.leaderEpoch < 0 ? null : commit.leaderEpoch,
      metadata: commit?.metadata ?? null,
      committedAtMs: commit?.committedAtMs ?? null,
      logStartOffset: isKnown ? start!.offset : null,
      logEndOffset: isKnown ? end!.offset : null,
      lag: lag.lag,
      lagRecords: lag.lagRecords,
      lagState: lag.lagState,
      reason: lag.reason,
      memberId: member?.memberId ?? null,
      clientId: member?.clientId ?? null,
      host: member?.clientHost ?? null,
    }
  }

  async #lagOf(place: Place, logStartOffset: number, logEndOffset: number): Promise<Lag> {
    const committedOffset = place.commit?.offset ?? null
    const from = Math.max(committedOffset ?? logStartOffset, logStartOffset)
    // Counted ahead, since the question is asked of pure code that cannot wait.
    const count = from < logEndOffset ? await this.#count(place, from, logEndOffset) : 0
    return lagOf({ committedOffset, logStartOffset, logEndOffset, countRecords: () => count })
  }

  async #count({ topic, partition }: Place, fromOffset: number, toOffset: number): Promise<number | null> {
    const partitions = [{ topic, partition, fromOffset, toOffset }]
    return (await this.#context.broker.countRecords({ partitions })).partitions[0]?.records ?? null
  }

  #pause(delayMs: number, stop: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#context.environment.timers.after(delayMs, end, { keepAlive: true })
      function end(): void {
        timer.cancel()
        stop.removeEventListener('abort', end)
        resolve()
      }
      stop.addEventListener('abort', end)
    })
  }
}

async function listGroupNames({ broker }: ClientContext): Promise<string[]> {
  return (await broker.listGroups({})).groups.map(({ group }) => group).sort()
}

function heldBy(description: DescribedGroup | undefined): { place: TopicPartition; member: MemberDescription }[] {
  if (description === undefined || description.error !== null) return []
  return description.members.flatMap((member) => member.assignment.map((place) => ({ place, member })))
}

/** Whether the commit is about the topic that has this name now. */
function isSameTopic(commit: GroupOffset | undefined, topicId: string | undefined): boolean {
  if (topicId === undefined) return false
  return commit === undefined || commit.topicId === null || commit.topicId === topicId
}

function distinct(places: readonly TopicPartition[]): TopicPartition[] {
  return [...new Map(places.map((place) => [keyOf(place), place])).values()]
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`
}
