/** How the tree is looked at: what comes first, what is left out. */
import { isRunning, verdictTrouble } from './group-words.ts'
import { lagTrouble } from './lag-words.ts'
import type { GroupSnapshot } from './snapshot.ts'
import { TROUBLES, type Trouble, worst } from './tree-row.ts'

export interface TreeLook {
  /** What the upper level shows. */
  readonly by: 'group' | 'topic'
  readonly sort: 'trouble' | 'lag' | 'name'
  /** Leaves out groups that do not run and have nothing left to read. */
  readonly hideFinished: boolean
  /** Only groups and topics with this in their name; '' for all. */
  readonly filter: string
}

export const DEFAULT_LOOK: TreeLook = { by: 'group', sort: 'trouble', hideFinished: false, filter: '' }

/** Rules that only repeat what a row says by itself. */
const OF_ROWS: ReadonlySet<string> = new Set(['lost-records', 'past-the-end', 'topic-deleted', 'unavailable'])

/** The groups to be shown, in their order. */
export function lookAt(groups: readonly GroupSnapshot[], look: TreeLook): readonly GroupSnapshot[] {
  const wanted = groups.filter((group) => !(look.hideFinished && isFinished(group)) && matches(group, look.filter))
  return wanted.toSorted((a, b) => compare(a, b, look.sort) || (a.group < b.group ? -1 : 1))
}

interface Standing {
  readonly trouble: Trouble
  readonly behind: number
}

/** A snapshot never changes, and where a group does not, its snapshot stays: so each is summed up once. */
const standings = new WeakMap<GroupSnapshot, Standing>()

function standingOf(group: GroupSnapshot): Standing {
  const known = standings.get(group)
  if (known !== undefined) return known
  const standing = { trouble: troubleOf(group), behind: behindOf(group) }
  standings.set(group, standing)
  return standing
}

/** How bad a group is off. */
export function groupTrouble(group: GroupSnapshot): Trouble {
  return standingOf(group).trouble
}

/** Records left to read, over all its partitions. */
export function recordsBehind(group: GroupSnapshot): number {
  return standingOf(group).behind
}

function troubleOf({ rows, health }: GroupSnapshot): Trouble {
  // A verdict may be some seconds old; what the rows say is true now.
  const lasting = (health?.verdicts ?? []).filter(({ rule }) => !OF_ROWS.has(rule))
  return worst([...rows.map(lagTrouble), ...lasting.map(verdictTrouble)])
}

function behindOf({ rows }: GroupSnapshot): number {
  return rows.reduce((sum, row) => sum + (row.lagRecords ?? Math.max(0, row.lag ?? 0)), 0)
}

function isFinished(group: GroupSnapshot): boolean {
  return !isRunning(group) && groupTrouble(group) === 'none' && recordsBehind(group) === 0
}

function matches({ group, rows }: GroupSnapshot, filter: string): boolean {
  const wanted = filter.trim().toLocaleLowerCase()
  if (wanted === '') return true
  return [group, ...rows.map(({ topic }) => topic)].some((name) => name.toLocaleLowerCase().includes(wanted))
}

function compare(a: GroupSnapshot, b: GroupSnapshot, sort: TreeLook['sort']): number {
  if (sort === 'name') return 0
  const byTrouble = TROUBLES.indexOf(groupTrouble(a)) - TROUBLES.indexOf(groupTrouble(b))
  return sort === 'trouble' && byTrouble !== 0 ? byTrouble : magnitude(b) - magnitude(a)
}

/** By doublings: rows that changed places with every record would be no list to read. */
function magnitude(group: GroupSnapshot): number {
  return Math.ceil(Math.log2(recordsBehind(group) + 1))
}
