import type { ClientContext } from '../client/client-context.ts'
import { type LagRow, readLag } from '../client/lag.ts'
import { TidemarkError } from '../errors.ts'
import type { GroupHealth } from './group-health.ts'
import { GroupJudge } from './group-judge.ts'
import { GroupTrail } from './group-trail.ts'
import { type HealthOptions, healthTerms } from './health-options.ts'
import { type HealthStatus, worstOf } from './health-verdict.ts'

/** Every group, and how the worst of them is. */
export interface Health {
  /** That of the worst group. */
  readonly status: HealthStatus
  /** By name. */
  readonly groups: readonly GroupHealth[]
  /** When it was looked, in milliseconds since 1970. */
  readonly atMs: number
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
  const broker = context.openBroker
  const { group } = options
  const terms = healthTerms('health', options)
  // Commits before ends, and both before the clock, so that nothing seems to come from the future.
  const rows = await readLag(context, group === undefined ? {} : { group })
  const names = await groupNames(context, group, rows)
  const nowMs = context.environment.clock.nowMs()
  const trail = new GroupTrail(broker)
  await trail.readOn({ sinceMs: nowMs - terms.historyMs, group })
  const judge = new GroupJudge(broker, trail, terms)
  const rowsOf = Map.groupBy(rows, (row) => row.group)
  const groups = await judge.judge(
    names.map((name) => ({ group: name, rows: rowsOf.get(name) ?? [] })),
    { nowMs, hasLeader: isLed() },
  )
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
