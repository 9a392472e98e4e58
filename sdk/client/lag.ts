import type { GroupDescription, ListOffsetsResponse, MemberDescription, TopicPartition } from '../broker/broker.ts'
import { TidemarkError } from '../errors.ts'
import { type Lag, type LagState, lagOf, lagOfDeletedTopic, lagUnavailable } from '../offsets/lag.ts'
import type { ClientContext, Finishable } from './client-context.ts'
import { type GroupOffset, Groups } from './groups.ts'
import { type CountBudget, RecordCounter } from './record-counter.ts'

/** How far a group is behind on a partition. null where there is nothing to say; Kafka's tools print "-" there. */
export interface LagRow extends TopicPartition {
  readonly group: string
  /** The next offset to read. */
  readonly committedOffset: number | null
  readonly leaderEpoch: number | null
  readonly metadata: string | null
  readonly committedAtMs: number | null
  readonly logStartOffset: number | null
  /** The end of what can be read. */
  readonly logEndOffset: number | null
  /** Log end − committed offset, as Kafka's tools count: it may be negative. */
  readonly lag: number | null
  /** The records that are really there to be read. null: too many to count at once, `lag` is the most it can be. */
  readonly lagRecords: number | null
  readonly lagState: LagState
  /** Why it is `unavailable`. */
  readonly reason: string | null
  /** Who holds the partition. */
  readonly memberId: string | null
  readonly clientId: string | null
  readonly host: string | null
}

export interface LagOptions {
  /** Default: every group. */
  readonly group?: string | undefined
}

export interface WatchLagOptions extends LagOptions {
  /** Ends the watching quietly. */
  readonly signal?: AbortSignal | undefined
  /** How often to look. Default 250. */
  readonly intervalMs?: number | undefined
}

interface Place extends TopicPartition {
  readonly commit: GroupOffset | undefined
  readonly member: MemberDescription | undefined
}

type Ends = ReadonlyMap<string, ListOffsetsResponse['partitions'][number]>

/** What counting records may read for one answer: about 50 ms of reading. */
const COUNT_BYTES = 128 * 1024 * 1024
const WATCH_INTERVAL_MS = 250

const collectors = new WeakMap<ClientContext, LagCollector>()

/**
 * One row per partition that a group has committed or a member holds, by group, topic and partition. Commits are read
 * before the ends, so a lag is never negative without reason.
 */
export async function readLag(context: ClientContext, options: LagOptions = {}): Promise<LagRow[]> {
  return await collectorOf(context).lag(options)
}

/** The rows now, and again whenever one has changed, until the signal aborts or the client is closed. */
export function watchLag(context: ClientContext, options: WatchLagOptions = {}): AsyncIterable<LagRow[]> {
  return { [Symbol.asyncIterator]: () => collectorOf(context).watch(options) }
}

/** One for all who ask, since it remembers what it has counted. */
function collectorOf(context: ClientContext): LagCollector {
  const known = collectors.get(context) ?? new LagCollector(context)
  collectors.set(context, known)
  return known
}

/** Puts together how far groups are behind. */
class LagCollector {
  readonly #context: ClientContext
  readonly #groups: Groups
  readonly #counters = new Map<string, RecordCounter>()

  constructor(context: ClientContext) {
    this.#context = context
    this.#groups = new Groups(context)
  }

  /** One row per partition that a group has committed or a member holds, by group, topic and partition. */
  async lag(question: LagOptions = {}): Promise<LagRow[]> {
    const names =
      question.group === undefined ? (await this.#groups.list()).map(({ group }) => group) : [question.group]
    // Commits before ends: what is committed in between would look like a commit past the end.
    const places = new Map<string, readonly Place[]>()
    for (const group of names) places.set(group, await this.#places(group))
    const all = distinct([...places.values()].flat())
    const topicIds = await this.#topicIds(all)
    const existing = all.filter(({ topic }) => topicIds.has(topic))
    const starts = await this.#offsets(existing, 'earliest')
    const ends = await this.#offsets(existing, 'latest')
    const budget = { bytes: COUNT_BYTES }
    const rows: LagRow[] = []
    for (const [group, partitions] of places) {
      for (const place of partitions) rows.push(await this.#row(group, place, { topicIds, starts, ends, budget }))
    }
    return rows
  }

  async *watch(options: WatchLagOptions): AsyncGenerator<LagRow[], undefined> {
    const { signal, intervalMs = WATCH_INTERVAL_MS } = options
    const closing = new AbortController()
    const stop = signal === undefined ? closing.signal : AbortSignal.any([signal, closing.signal])
    const watcher: Finishable = { close: async () => closing.abort() }
    this.#context.addConsumer(watcher)
    let last: string | undefined
    try {
      while (!stop.aborted) {
        const rows = await this.lag(options)
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
    const commits = await this.#groups.offsets(group).catch((error: unknown) => {
      if (error instanceof TidemarkError && error.code === 'GROUP_NOT_FOUND') return []
      throw error
    })
    const held = heldBy(description)
    const wanted = new Map<string, TopicPartition>()
    for (const place of [...commits, ...held.map(({ place }) => place)]) wanted.set(keyOf(place), place)
    return [...wanted.values()].sort(byPlace).map(({ topic, partition }) => ({
      topic,
      partition,
      commit: commits.find((each) => isSame(each, { topic, partition })),
      member: held.find(({ place }) => isSame(place, { topic, partition }))?.member,
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
    known: { topicIds: ReadonlyMap<string, string>; starts: Ends; ends: Ends; budget: CountBudget },
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
        : await this.#lagOf(place, start.offset, end.offset, known.budget)
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

  async #lagOf(place: Place, logStartOffset: number, logEndOffset: number, budget: CountBudget): Promise<Lag> {
    const committedOffset = place.commit?.offset ?? null
    const from = Math.max(committedOffset ?? logStartOffset, logStartOffset)
    // Counted ahead, since the question is asked of pure code that cannot wait.
    const count = from < logEndOffset ? await this.#count(place, from, logEndOffset, budget) : 0
    return lagOf({ committedOffset, logStartOffset, logEndOffset, countRecords: () => count })
  }

  async #count(place: Place, from: number, to: number, budget: CountBudget): Promise<number | null> {
    const { topic, partition } = place
    const key = keyOf(place)
    const counter = this.#counters.get(key) ?? new RecordCounter(this.#context.broker, { topic, partition })
    this.#counters.set(key, counter)
    try {
      return await counter.count(from, to, budget)
    } catch (error) {
      // Records that cannot be read cannot be counted; the distance is still true.
      if (error instanceof TidemarkError) return null
      throw error
    }
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

function heldBy(description: GroupDescription | undefined): { place: TopicPartition; member: MemberDescription }[] {
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

function isSame(some: TopicPartition, other: TopicPartition): boolean {
  return some.partition === other.partition && some.topic === other.topic
}

function byPlace(a: TopicPartition, b: TopicPartition): number {
  if (a.topic !== b.topic) return a.topic < b.topic ? -1 : 1
  return a.partition - b.partition
}
