import type { ListedGroup } from '../broker/broker.ts'
import { Breath } from '../client/breath.ts'
import type { ClientContext } from '../client/client-context.ts'
import { type LagRow, readLagOf } from '../client/lag.ts'
import type { GroupHealth } from './group-health.ts'
import { GroupJudge, type GroupToJudge } from './group-judge.ts'
import { GroupTrail } from './group-trail.ts'
import { type HealthOptions, healthTerms } from './health-options.ts'

/** A group as it was found by the last look. */
export interface SurveyedGroup extends ListedGroup {
  /** One per partition that it has committed or holds, by topic and partition. */
  readonly rows: readonly LagRow[]
  /** It may be older than the rows where nothing but time has passed. */
  readonly health: GroupHealth
}

/** Of each group and partition so many commits are kept. */
const KEEP_COMMITS = 2_000
/** What only time changes (ages, rates, patience) is judged anew so often, and takes at most one part in so many of the time. */
const JUDGE_EVERY_MS = 2_000
const JUDGE_PART = 100
/** Groups that are asked for in one request: enough to share its cost, few enough that others get their turn. */
const GROUPS_AT_ONCE = 1_000

/**
 * Every group, looked at again and again: each look costs what has changed since the one before, not what there is. Made
 * by `tide.survey()`; it holds nothing open.
 */
export class Survey {
  readonly #context: ClientContext
  readonly #isLed: () => boolean
  readonly #group: string | undefined
  readonly #historyMs: number
  readonly #trail: GroupTrail
  readonly #judge: GroupJudge
  #groups: ReadonlyMap<string, SurveyedGroup> = new Map()
  #hadLeader = false
  #judgeAgainAtMs = Number.NEGATIVE_INFINITY
  #looking: Promise<unknown> = Promise.resolve()

  /** Use `tide.survey()`. `isLed`: whether anybody leads the groups now, so that their members can be alive. */
  constructor(context: ClientContext, options: HealthOptions, isLed: () => boolean) {
    const terms = healthTerms('survey', options)
    this.#context = context
    this.#isLed = isLed
    this.#group = options.group
    this.#historyMs = terms.historyMs
    this.#trail = new GroupTrail(context.broker, { keepNewest: KEEP_COMMITS })
    this.#judge = new GroupJudge(context.broker, this.#trail, terms)
  }

  /**
   * Every group as it is now, by name; with `group` that one, if it is there. Where nothing of a group has changed, it is the same object as before. Calls wait
   * for one another.
   * @throws {TidemarkError} STORAGE_ERROR, CORRUPT_BATCH, CLOSED
   */
  look(): Promise<readonly SurveyedGroup[]> {
    const looking = this.#looking.then(() => this.#look())
    this.#looking = looking.catch(() => {})
    return looking
  }

  async #look(): Promise<readonly SurveyedGroup[]> {
    this.#context.checkOpen()
    const nowMs = this.#context.environment.clock.nowMs()
    const { groups: touched, isAnew } = await this.#trail.readOn({
      sinceMs: nowMs - this.#historyMs,
      group: this.#group,
    })
    const moved = isAnew ? [] : await this.#ofMovedLogs()
    const changed = new Set([...touched, ...moved])
    const listed = isAnew || touched.size > 0 ? await this.#list() : [...this.#groups.values()]
    const isChanged = ({ group }: ListedGroup) => isAnew || changed.has(group) || !this.#groups.has(group)
    const rows = await this.#rowsOf(listed.filter(isChanged).map(({ group }) => group))
    const now = listed.map((group) => ({
      ...group,
      rows: rows.get(group.group) ?? this.#groups.get(group.group)?.rows ?? [],
    }))
    const health = await this.#healthOf(now, nowMs, ({ group }) => rows.has(group))
    const groups = now.map((group) =>
      this.#asBefore({ ...group, health: health.get(group.group) ?? this.#groups.get(group.group)!.health }),
    )
    this.#groups = new Map(groups.map((group) => [group.group, group]))
    return groups
  }

  async #list(): Promise<readonly ListedGroup[]> {
    const { groups } = await this.#context.broker.listGroups({})
    const wanted = this.#group === undefined ? groups : groups.filter(({ group }) => group === this.#group)
    return wanted.toSorted((a, b) => (a.group < b.group ? -1 : 1))
  }

  /** Groups that read a log whose ends are not where they were. */
  async #ofMovedLogs(): Promise<readonly string[]> {
    const logs = new Map<string, Map<number, { readonly earliest: number | null; readonly latest: number | null }>>()
    for (const { rows } of this.#groups.values()) {
      for (const { topic, partition } of rows) {
        const ofTopic = logs.get(topic) ?? new Map()
        logs.set(topic, ofTopic.set(partition, UNKNOWN_ENDS))
      }
    }
    const places = [...logs].flatMap(([topic, partitions]) =>
      [...partitions.keys()].map((partition) => ({ topic, partition })),
    )
    if (places.length === 0) return []
    for (const at of ['earliest', 'latest'] as const) {
      const partitions = places.map((place) => ({ ...place, at }))
      const answers = await this.#context.broker.listOffsets({ isolation: 'read_uncommitted', partitions })
      for (const { topic, partition, error, offset } of answers.partitions) {
        const ofTopic = logs.get(topic)
        ofTopic?.set(partition, { ...(ofTopic.get(partition) ?? UNKNOWN_ENDS), [at]: error === null ? offset : null })
      }
    }
    const isMoved = ({ topic, partition, logStartOffset, logEndOffset }: LagRow) => {
      const { earliest, latest } = logs.get(topic)?.get(partition) ?? UNKNOWN_ENDS
      return earliest !== logStartOffset || latest !== logEndOffset
    }
    return [...this.#groups.values()].filter(({ rows }) => rows.some(isMoved)).map(({ group }) => group)
  }

  /** The rows of groups, by group; a row that says what it said before is the same object. */
  async #rowsOf(groups: readonly string[]): Promise<ReadonlyMap<string, readonly LagRow[]>> {
    const rows = new Map<string, readonly LagRow[]>(groups.map((group) => [group, []]))
    const breath = new Breath(this.#context)
    for (let at = 0; at < groups.length; at += GROUPS_AT_ONCE) {
      const found = await readLagOf(this.#context, groups.slice(at, at + GROUPS_AT_ONCE))
      for (const [group, ofGroup] of Map.groupBy(found, (row) => row.group)) {
        const before = this.#groups.get(group)?.rows ?? []
        const isSame = before.length === ofGroup.length && before.every((row, index) => isAlike(row, ofGroup[index]!))
        rows.set(group, isSame ? before : ofGroup)
      }
      await breath.take()
    }
    return rows
  }

  /** How groups are that have changed, and from time to time how all are. */
  async #healthOf(
    groups: readonly GroupToJudge[],
    nowMs: number,
    isChanged: (group: GroupToJudge) => boolean,
  ): Promise<ReadonlyMap<string, GroupHealth>> {
    const { clock } = this.#context.environment
    const startedMs = clock.monotonicMs()
    const hasLeader = this.#isLed()
    const isAll = startedMs >= this.#judgeAgainAtMs || hasLeader !== this.#hadLeader
    const judged = isAll ? groups : groups.filter(isChanged)
    const health = new Map<string, GroupHealth>()
    const breath = new Breath(this.#context)
    for (let at = 0; at < judged.length; at += GROUPS_AT_ONCE) {
      const some = await this.#judge.judge(judged.slice(at, at + GROUPS_AT_ONCE), { nowMs, hasLeader })
      for (const each of some) health.set(each.group, each)
      await breath.take()
    }
    this.#hadLeader = hasLeader
    if (isAll) {
      const endedMs = clock.monotonicMs()
      this.#judgeAgainAtMs = endedMs + Math.max(JUDGE_EVERY_MS, JUDGE_PART * (endedMs - startedMs))
    }
    return health
  }

  /** The object of the last look, where it says the same. */
  #asBefore(group: SurveyedGroup): SurveyedGroup {
    const before = this.#groups.get(group.group)
    return before !== undefined && isAlike(before, group) ? before : group
  }
}

const UNKNOWN_ENDS = { earliest: null, latest: null }

/** Whether all their own values are the same. */
function isAlike<T extends object>(a: T, b: T): boolean {
  return Object.entries(a).every(([name, value]) => Object.is(value, b[name as keyof T]))
}
