import type { Change } from './lag-watch.ts'
import { lagWords } from './lag-words.ts'
import { digits } from './plain-words.ts'
import { withoutControls } from './table.ts'

/** What changed, in one line that says when. */
export function changeText(change: Change, atMs: number): string {
  return withoutControls(`${timeOfDay(atMs)}  ${changeWords(change)}`)
}

export function timeOfDay(timestampMs: number): string {
  return new Date(timestampMs).toLocaleTimeString('en-GB')
}

function changeWords(change: Change): string {
  switch (change.kind) {
    case 'row': {
      const { row, before } = change
      const moved = (row.committedOffset ?? 0) - (before?.committedOffset ?? row.committedOffset ?? 0)
      const step = moved === 0 ? '' : ` (${moved > 0 ? '+' : '−'}${digits(Math.abs(moved))})`
      const next = row.committedOffset === null ? '-' : digits(row.committedOffset)
      const end = row.logEndOffset === null ? '-' : digits(row.logEndOffset)
      return `${row.group}  ${row.topic}-${row.partition}  ${lagWords(row)}, next ${next}${step}, end ${end}`
    }
    case 'row-gone':
      return `${change.row.group}  ${change.row.topic}-${change.row.partition}  no commit and no member any more`
    case 'verdict': {
      const { severity, rule, group, words } = change.verdict
      return `${group}  ${severity} ${rule}: ${words}`
    }
    case 'owner':
      return ownerWords(change.owner)
    default:
      return change.problem ?? 'The directory can be read again.'
  }
}

export function ownerWords(owner: number | null | undefined): string {
  if (owner === null) return 'No program has the directory open for writing.'
  return owner === undefined
    ? 'A program has the directory open for writing.'
    : `Process ${owner} has the directory open for writing.`
}
