import type { Broker, DescribedGroup } from '../broker/broker.ts'
import type { LagRow } from '../client/lag.ts'
import type { GroupHealth } from './group-health.ts'
import { progressOf, progressOfGroup } from './group-progress.ts'
import { GroupSources, type PartitionSource } from './group-sources.ts'
import type { GroupTrail } from './group-trail.ts'
import { type GroupFacts, judgeGroup, type PartitionFacts } from './health-rules.ts'
import { type HealthLimits, type HealthVerdict, worstOf } from './health-verdict.ts'

/** When rules speak up, and how far is looked back, in milliseconds. */
export interface JudgeOptions {
  readonly limits: HealthLimits
  /** For rates and trends. */
  readonly windowMs: number
  /** As far as the trail was read. */
  readonly historyMs: number
}

/** The moment for which groups are judged. */
export interface JudgedMoment {
  readonly nowMs: number
  /** Whether anybody leads the groups, so that their members can be alive. */
  readonly hasLeader: boolean
}

/** A group with its rows of lag. */
export interface GroupToJudge {
  readonly group: string
  readonly rows: readonly LagRow[]
}

/** Judges groups by the rules: puts together the facts of each. */
export class GroupJudge {
  readonly #broker: Broker
  readonly #sources: GroupSources
  readonly #options: JudgeOptions

  constructor(broker: Broker, trail: GroupTrail, options: JudgeOptions) {
    this.#broker = broker
    this.#sources = new GroupSources(broker, trail)
    this.#options = options
  }

  /** In the order in which they are given. */
  async judge(groups: readonly GroupToJudge[], moment: JudgedMoment): Promise<GroupHealth[]> {
    const { nowMs } = moment
    const { limits, windowMs } = this.#options
    const names = groups.map(({ group }) => group)
    const described = new Map(
      (await this.#broker.consumerGroupDescribe({ groups: names })).groups.map((each) => [each.group, each]),
    )
    const sources = await this.#sources.partitions(
      groups.flatMap(({ rows }) => rows),
      { nowMs, windowMs },
    )
    const sourcesOf = Map.groupBy(sources, ({ row }) => row.group)
    const judged: GroupHealth[] = []
    for (const name of names) {
      const facts = await this.#facts(name, sourcesOf.get(name) ?? [], described.get(name), moment)
      judged.push(healthOf(facts, judgeGroup(facts, { nowMs, limits })))
    }
    return judged
  }

  async #facts(
    group: string,
    sources: readonly PartitionSource[],
    described: DescribedGroup | undefined,
    { nowMs, hasLeader }: JudgedMoment,
  ): Promise<GroupFacts> {
    const { windowMs, historyMs } = this.#options
    const { dividedAtMs } = this.#sources.activity(group)
    const members = (described?.members ?? []).map(({ clientId, memberId }) => (clientId === '' ? memberId : clientId))
    return {
      group,
      state: described?.state ?? 'Dead',
      members: hasLeader ? members : [],
      formerMembers: hasLeader ? [] : members,
      dividingSinceMs: dividedAtMs ?? nowMs - historyMs,
      departures: await this.#sources.departures(group, sources),
      partitions: sources.map((source) => factsOf(source, { nowMs, windowMs })),
    }
  }
}

function factsOf(source: PartitionSource, span: { nowMs: number; windowMs: number }): PartitionFacts {
  const { ends, ...known } = source
  const { commits, nextRecord } = known
  return { ...known, progress: progressOf({ commits, ends, nextRecordAtMs: nextRecord?.timestampMs ?? null, ...span }) }
}

function healthOf({ group, state, members, partitions }: GroupFacts, verdicts: readonly HealthVerdict[]): GroupHealth {
  const severities = ['error', 'warning', 'notice'] as const
  return {
    group,
    status: worstOf(verdicts.map(({ severity }) => severity)),
    state,
    members: members.length,
    progress: progressOfGroup(partitions.map(({ progress }) => progress)),
    partitions: partitions.map(({ row, progress }) => ({ row, progress })),
    verdicts: verdicts.toSorted((a, b) => severities.indexOf(a.severity) - severities.indexOf(b.severity)),
  }
}
