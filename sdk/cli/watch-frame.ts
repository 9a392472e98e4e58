import type { GroupHealth, PartitionHealth } from '../inspect/group-health.ts'
import type { Health } from '../inspect/health.ts'
import type { HealthStatus } from '../inspect/health-verdict.ts'
import { ownerWords, timeOfDay } from './change-text.ts'
import { PAINTS, progressWords, recordsBehind } from './health-words.ts'
import type { Look } from './lag-watch.ts'
import { colouredLag, isLagTrouble } from './lag-words.ts'
import { counted, digits } from './plain-words.ts'
import { type Style, withoutColours } from './style.ts'
import { type Column, renderTable, withoutControls } from './table.ts'

/** What is on the screen. */
export interface Watched {
  readonly directory: string
  readonly now: Look
  /** The last look that saw anything. */
  readonly seen: Look | undefined
  /** What changed, oldest first. */
  readonly changes: readonly string[]
}

export interface Frame {
  readonly columns: number
  readonly rows: number
  readonly style: Style
}

const MAX_CHANGES = 5
const MAX_VERDICTS = 4
/** The table's title and one row, however small the window. */
const MIN_TABLE_LINES = 2
const SHORTEST_NAME = 8

/** The screen of `lag --watch`, line by line, none wider than the window. */
export function watchFrame({ directory, now, seen, changes }: Watched, frame: Frame): string[] {
  const { style, columns, rows } = frame
  const health = seen?.health
  const fitted = (text: string): string => cut(withoutControls(text), columns)
  const head = [
    style.bold(fitted(`${timeOfDay(now.atMs)}  ${directory}`)),
    now.problem === undefined
      ? fitted(`${totals(health)} ${ownerWords(now.owner)}`)
      : style.red(fitted(`${now.problem}${seen === undefined ? '' : ` Last read ${timeOfDay(seen.atMs)}:`}`)),
    '',
  ]
  const verdicts = (health?.groups ?? [])
    .flatMap((group) => group.verdicts)
    .filter(({ severity }) => severity !== 'notice')
    .slice(0, MAX_VERDICTS)
    .map(({ severity, rule, group, words }) => PAINTS[severity](style)(fitted(`${group}: ${rule}, ${words}`)))
  const latest = changes.slice(-MAX_CHANGES).map((change) => style.dim(fitted(change)))
  const foot = ['', style.dim(fitted(`q ends this.${sourceWords(now)}`))]
  const spare = Math.max(0, rows - head.length - foot.length)
  const below = [verdicts, latest].filter((part) => part.length > 0).flatMap((part) => ['', ...part])
  const parts = below.slice(0, Math.max(0, spare - MIN_TABLE_LINES - 1))
  const room = Math.max(MIN_TABLE_LINES, spare - parts.length)
  const table = tableLines(health, frame)
  const isCut = table.length > room
  const shown = isCut ? table.slice(0, Math.max(MIN_TABLE_LINES, room - 1)) : table
  const more = isCut ? [style.dim(fitted(`… and ${digits(table.length - shown.length)} more.`))] : []
  return [...head, ...shown, ...more, ...parts, ...foot]
}

/** Only where somebody would wonder. */
function sourceWords({ owner, isFromOwner, problem }: Look): string {
  if (owner === null || isFromOwner || problem !== undefined) return ''
  return ' That program does not answer: this is read from the files.'
}

function totals(health: Health | undefined): string {
  const groups = health?.groups ?? []
  const behind = groups.reduce((total, group) => total + recordsBehind(group), 0)
  const trouble = groups.filter(({ status }) => status === 'error' || status === 'warning').length
  return `${counted(groups.length, 'group')}, ${digits(behind)} behind, ${trouble === 0 ? 'none' : digits(trouble)} in trouble.`
}

/** The most important first: what does not fit is left out from the end. */
const COLUMNS: readonly Column[] = [
  { title: 'Group' },
  { title: 'Partition' },
  { title: 'How far', isPainted: true },
  { title: 'Oldest', isNumber: true },
  { title: 'Processed', isNumber: true },
  { title: 'Trend' },
  { title: 'Caught up in', isNumber: true },
  { title: 'Next', isNumber: true },
  { title: 'Log end', isNumber: true },
]
const NAME_COLUMNS = 2
const FEWEST_COLUMNS = 3

function tableLines(health: Health | undefined, { columns, style }: Frame): string[] {
  const rows = byTrouble(health?.groups ?? []).map(({ row, progress }) => [
    row.group,
    `${row.topic}-${row.partition}`,
    colouredLag(row, style),
    ...progressWords(progress),
    row.committedOffset === null ? '-' : digits(row.committedOffset),
    row.logEndOffset === null ? '-' : digits(row.logEndOffset),
  ])
  if (rows.length === 0) return [cut('No group has committed anything here yet.', columns)]
  for (let count = COLUMNS.length; count >= FEWEST_COLUMNS; count--) {
    const lines = linesOf(COLUMNS.slice(0, count), rows)
    if (width(lines) <= columns) return lines
  }
  const few = COLUMNS.slice(0, FEWEST_COLUMNS)
  const other = width(
    linesOf(
      few.slice(NAME_COLUMNS),
      rows.map((row) => row.slice(NAME_COLUMNS)),
    ),
  )
  const forNames = Math.max(SHORTEST_NAME, Math.floor((columns - other) / NAME_COLUMNS) - 2)
  const shortened = rows.map((row) =>
    row.map((cell, at) => (at < NAME_COLUMNS ? cutMiddle(withoutControls(cell), forNames) : cell)),
  )
  return linesOf(few, shortened)
}

/** Groups in trouble first, then who is furthest behind. */
function byTrouble(groups: readonly GroupHealth[]): PartitionHealth[] {
  return groups
    .toSorted((a, b) => SEVERITY[b.status] - SEVERITY[a.status] || recordsBehind(b) - recordsBehind(a))
    .flatMap(({ partitions }) => partitions.toSorted((a, b) => troubleOf(b) - troubleOf(a)))
}

function troubleOf({ row }: PartitionHealth): number {
  return isLagTrouble(row) ? Number.POSITIVE_INFINITY : (row.lagRecords ?? row.lag ?? 0)
}

const SEVERITY: Readonly<Record<HealthStatus, number>> = { ok: 0, notice: 1, warning: 2, error: 3 }

function linesOf(columns: readonly Column[], rows: readonly (readonly string[])[]): string[] {
  return renderTable(columns, rows).trimEnd().split('\n')
}

function width(lines: readonly string[]): number {
  return Math.max(...lines.map((line) => [...withoutColours(line)].length))
}

function cut(text: string, columns: number): string {
  const characters = [...text]
  return characters.length <= columns ? text : `${characters.slice(0, Math.max(0, columns - 1)).join('')}…`
}

/** The end of a partition's name says which one it is. */
function cutMiddle(text: string, columns: number): string {
  const characters = [...text]
  if (characters.length <= columns) return text
  const end = Math.floor((columns - 1) / 2)
  return `${characters.slice(0, columns - 1 - end).join('')}…${characters.slice(-end).join('')}`
}
