import type {
  CountRecordsRequest,
  DescribedGroup,
  ListOffsetsResponse,
  MemberDescription,
  TopicPartition,
} from '../broker/broker.ts'
import { TidemarkError } from '../errors.ts'
import { type Lag, type LagState, lagOf, lagOfDeletedTopic, lagUnavailable } from '../offsets/lag.ts'
import type { ClientContext, Finishable } from './client-context.ts'
import { type GroupOffset, readGroupOffsets } from './group-offsets.ts'
import { checkOptions, milliseconds, type OptionKinds, signal, text } from './option-check.ts'
import { byPartition } from './topic-partition.ts'

/** How far a group is behind on a partition. null where there is nothing to say; Kafka's tools print "-" there. */
export interface LagRow extends TopicPartition {
  /** Whose row this is. */
  readonly group: string
  /** The next offset to read. */
  readonly committedOffset: number | null
  /** The epoch that was committed with the offset: that of the record before it. */
  readonly leaderEpoch: number | null
  /** The text that was committed with the offset. */
  readonly metadata: string | null
  /** When it was committed, milliseconds since 1970. */
  readonly committedAtMs: number | null
  /** The first offset that is still there. */
  readonly logStartOffset: number | null
  /** The end of what can be read. */
  readonly logEndOffset: number | null
  /** Log end − committed offset, as Kafka's tools count: it may be negative. */
  readonly lag: number | null
  /** The records that are really there to be read. null: that cannot be told, `lag` is the most it can be. */
  readonly lagRecords: number | null
  /** How the group stands here, in one word. */
  readonly lagState: LagState
  /** Why it is `unavailable`. */
  readonly reason: string | null
  /** Who holds the partition. */
  readonly memberId: string | null
  /** The `clientId` that the member gave to `open`. */
  readonly clientId: string | null
  /** Where the member runs. */
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
  readonly group: string
  readonly commit: GroupOffset | undefined
  readonly member: MemberDescription | undefined
}

/** A place with what its log says, or why that cannot be told. */
interface KnownPlace extends Place {
  readonly log: Lag | { readonly logStartOffset: number; readonly logEndOffset: number }
}

type Ends = ReadonlyMap<string, ListOffsetsResponse['partitions'][number]>

const WATCH_INTERVAL_MS = 250
/** Whoever answers next door may be busy, and then takes a turn of its event loop for what it is asked one after the other. */
const GROUPS_AT_ONCE = 500
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

/** The same for some groups, by their names. */
export async function readLagOf(context: ClientContext, groups: readonly string[]): Promise<LagRow[]> {
  return await new LagCollector(context).lagOf(groups)
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
    return await this.lagOf(question.group === undefined ? await listGroupNames(this.#context) : [question.group])
  }

  async lagOf(names: readonly string[]): Promise<LagRow[]> {
    // Commits before ends: what is committed in between would look like a commit past the end.
    const members = await this.#members(names)
    const places: Place[] = []
    for (let at = 0; at < names.length; at += GROUPS_AT_ONCE) {
      const some = names.slice(at, at + GROUPS_AT_ONCE)
      const found = await Promise.all(some.map((group) => this.#places(group, members.get(group))))
      for (const ofGroup of found) places.push(...ofGroup)
    }
    const all = distinct(places)
    const topicIds = await this.#topicIds(all)
    const existing = all.filter(({ topic }) => topicIds.has(topic))
    const starts = await this.#offsets(existing, 'earliest')
    const ends = await this.#offsets(existing, 'latest')
    const known = places.map((place) => this.#known(place, { topicIds, starts, ends }))
    const counts = await this.#counts(known)
    return known.map((place, at) => rowOf(place, counts[at] ?? null))
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

  /** In one request, since each looks at all there is. */
  async #members(groups: readonly string[]): Promise<ReadonlyMap<string, DescribedGroup>> {
    const descriptions = (await this.#context.broker.consumerGroupDescribe({ groups })).groups
    return new Map(descriptions.map((description) => [description.group, description]))
  }

  async #places(group: string, description: DescribedGroup | undefined): Promise<Place[]> {
    const commits = await readGroupOffsets(this.#context.broker, group).catch((error: unknown) => {
      if (error instanceof TidemarkError && error.code === 'GROUP_NOT_FOUND') return []
      throw error
    })
    const held = heldBy(description)
    const committed = new Map(commits.map((commit) => [keyOf(commit), commit]))
    const owned = new Map(held.map(({ place, member }) => [keyOf(place), member]))
    return distinct([...commits, ...held.map(({ place }) => place)])
      .sort(byPartition)
      .map(({ topic, partition }) => {
        const key = keyOf({ topic, partition })
        return { group, topic, partition, commit: committed.get(key), member: owned.get(key) }
      })
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

  #known(place: Place, known: { topicIds: ReadonlyMap<string, string>; starts: Ends; ends: Ends }): KnownPlace {
    const key = keyOf(place)
    const start = known.starts.get(key)
    const end = known.ends.get(key)
    const isGone = !isSameTopic(place.commit, known.topicIds.get(place.topic))
    const problem = start?.error ?? end?.error
    if (isGone) return { ...place, log: lagOfDeletedTopic() }
    if (start === undefined || end === undefined || problem != null) {
      return { ...place, log: lagUnavailable(problem?.message.replace(/\.$/, '') ?? 'the broker did not answer') }
    }
    return { ...place, log: { logStartOffset: start.offset, logEndOffset: end.offset } }
  }

  /** The records that wait at each place; null where that cannot be told. In one request. */
  async #counts(places: readonly KnownPlace[]): Promise<(number | null)[]> {
    const asked: { readonly at: number; readonly range: CountRecordsRequest['partitions'][number] }[] = []
    const counts = places.map(({ topic, partition, commit, log }, at): number | null => {
      if ('lagState' in log) return null
      const fromOffset = Math.max(commit?.offset ?? log.logStartOffset, log.logStartOffset)
      const toOffset = log.logEndOffset
      if (fromOffset >= toOffset) return 0
      asked.push({ at, range: { topic, partition, fromOffset, toOffset } })
      return null
    })
    if (asked.length === 0) return counts
    const { partitions } = await this.#context.broker.countRecords({ partitions: asked.map(({ range }) => range) })
    for (const [index, { at }] of asked.entries()) counts[at] = partitions[index]?.records ?? null
    return counts
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

/** `records`: how many wait. */
function rowOf({ group, topic, partition, commit, member, log }: KnownPlace, records: number | null): LagRow {
  const ends = 'lagState' in log ? undefined : log
  const committedOffset = commit?.offset ?? null
  const lag = 'lagState' in log ? log : lagOf({ committedOffset, ...log, countRecords: () => records })
  return {
    group,
    topic,
    partition,
    committedOffset,
    leaderEpoch: commit === undefined || commit.leaderEpoch < 0 ? null : commit.leaderEpoch,
    metadata: commit?.metadata ?? null,
    committedAtMs: commit?.committedAtMs ?? null,
    logStartOffset: ends?.logStartOffset ?? null,
    logEndOffset: ends?.logEndOffset ?? null,
    lag: lag.lag,
    lagRecords: lag.lagRecords,
    lagState: lag.lagState,
    reason: lag.reason,
    memberId: member?.memberId ?? null,
    clientId: member?.clientId ?? null,
    host: member?.clientHost ?? null,
  }
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
