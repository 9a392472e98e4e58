import type { GroupDescription } from '../broker/broker.ts'
import type { ClientContext } from '../client/client-context.ts'
import { type LagRow, readLag } from '../client/lag.ts'
import { checkOptions, milliseconds, type OptionKinds, text, wholeNumber } from '../client/option-check.ts'
import { TidemarkError } from '../errors.ts'
import { type GroupProgress, progressOf, progressOfGroup } from './group-progress.ts'
import { GroupSources, type PartitionSource } from './group-sources.ts'
import { type GroupFacts, judgeGroup, type PartitionFacts } from './health-rules.ts'
import {
  DEFAULT_HEALTH_LIMITS,
  type HealthLimits,
  type HealthStatus,
  type HealthVerdict,
  worstOf,
} from './health-verdict.ts'

/** Whose health is asked for, and when rules speak up. */
export interface HealthOptions extends Partial<HealthLimits> {
  /** Default: every group. */
  readonly group?: string | undefined
  /** How far to look back for rates and trends, in milliseconds. Default 600,000. */
  readonly windowMs?: number | undefined
  /** How far to look back for commits and for members that came and went, in milliseconds. Default 3,600,000. */
  readonly historyMs?: number | undefined
}

/** One partition of a group. */
export interface PartitionHealth {
  /** How far behind it is. */
  readonly row: LagRow
  /** Whether that is getting better, and when it will have caught up. */
  readonly progress: GroupProgress
}

/** One group. */
export interface GroupHealth {
  /** Its name. */
  readonly group: string
  /** That of its worst verdict. */
  readonly status: HealthStatus
  /** What it is doing, as `groups.describe` says. */
  readonly state: GroupDescription['state']
  /** How many members it has, those of a program that is gone left out. */
  readonly members: number
  /** All partitions together. */
  readonly progress: GroupProgress
  /** One for each partition that it has committed or holds. */
  readonly partitions: readonly PartitionHealth[]
  /** The worst first. */
  readonly verdicts: readonly HealthVerdict[]
}

/** Every group, and how the worst of them is. */
export interface Health {
  /** That of the worst group. */
  readonly status: HealthStatus
  /** By name. */
  readonly groups: readonly GroupHealth[]
  /** When it was looked, in milliseconds since 1970. */
  readonly atMs: number
}

const DEFAULTS = { windowMs: 600_000, historyMs: 3_600_000 } as const

const KINDS: OptionKinds<HealthOptions> = {
  group: text,
  windowMs: milliseconds(1),
  historyMs: milliseconds(1),
  stalledAfterMs: milliseconds(0),
  noMembersAfterMs: milliseconds(0),
  behindAfterMs: milliseconds(0),
  rebalancingAfterMs: milliseconds(0),
  stuckAfterTries: wholeNumber(1),
  retentionPart: {
    expected: 'a number from 0 to 1',
    accepts: (value) => typeof value === 'number' && value >= 0 && value <= 1,
  },
}

/**
 * Judges groups by the rules of `health-rules.ts`. Only reads.
 * @param isLed whether anybody leads the groups now, so that their members can be alive
 */
export async function readHealth(
  context: ClientContext,
  options: HealthOptions,
  isLed: () => boolean,
): Promise<Health> {
  checkOptions('health', options, KINDS)
  const broker = context.openBroker
  const { group, windowMs = DEFAULTS.windowMs, historyMs = DEFAULTS.historyMs, ...given } = options
  const limits = limitsFrom(given)
  // Commits before ends, and both before the clock, so that nothing seems to come from the future.
  const rows = await readLag(context, group === undefined ? {} : { group })
  const names = await groupNames(context, group, rows)
  const nowMs = context.environment.clock.nowMs()
  const sources = new GroupSources(broker, { nowMs, windowMs, historyMs })
  const partitions = Map.groupBy(await sources.partitions(rows), ({ row }) => row.group)
  const hasLeader = isLed()
  const groups: GroupHealth[] = []
  for (const name of names) {
    const described = (await broker.consumerGroupDescribe({ groups: [name] })).groups[0]
    const activity = await sources.activity(name)
    const known = partitions.get(name) ?? []
    const members = (described?.members ?? []).map(({ clientId, memberId }) => (clientId === '' ? memberId : clientId))
    const facts: GroupFacts = {
      group: name,
      state: described?.state ?? 'Dead',
      members: hasLeader ? members : [],
      formerMembers: hasLeader ? [] : members,
      dividingSinceMs: activity.dividedAtMs ?? nowMs - historyMs,
      departures: await sources.departures(name, known),
      partitions: known.map((source) => factsOf(source, { nowMs, windowMs })),
    }
    groups.push(healthOf(facts, judgeGroup(facts, { nowMs, limits })))
  }
  return { status: worstOf(groups.map(({ status }) => status)), groups, atMs: nowMs }
}

/** @throws {TidemarkError} GROUP_NOT_FOUND */
async function groupNames(
  { broker }: ClientContext,
  wanted: string | undefined,
  rows: readonly LagRow[],
): Promise<readonly string[]> {
  if (wanted === undefined) return (await broker.listGroups({})).groups.map((each) => each.group).sort()
  const [described] = (await broker.consumerGroupDescribe({ groups: [wanted] })).groups
  if (rows.length > 0 || described?.error === null) return [wanted]
  throw new TidemarkError('GROUP_NOT_FOUND', `There is no group "${wanted}".`)
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

function limitsFrom(given: Partial<HealthLimits>): HealthLimits {
  const named = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
  return { ...DEFAULT_HEALTH_LIMITS, ...named }
}
