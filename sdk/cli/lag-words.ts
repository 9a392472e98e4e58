import type { LagRow } from '../client/lag.ts'
import { shellWord } from '../inspect/shell-word.ts'
import { counted, digits } from './plain-words.ts'
import type { Style } from './style.ts'
import { withoutControls } from './table.ts'

/** How far a group is on a partition, in plain words. */
export function lagWords(row: LagRow): string {
  const readable = row.lagRecords === null ? '' : `, ${readableWords(row.lagRecords)}`
  switch (row.lagState) {
    case 'behind':
      return row.lagRecords === null ? `at most ${digits(row.lag ?? 0)} behind` : `${digits(row.lagRecords)} behind`
    case 'up-to-date':
      return 'up to date'
    case 'never-committed':
      return `never committed${readable}`
    case 'lost':
      return `${digits(lostOffsets(row))} lost${readable}`
    case 'past-the-end':
      return `${digits(-(row.lag ?? 0))} past the end`
    case 'topic-deleted':
      return 'topic deleted'
    default:
      return 'unavailable'
  }
}

/** Whether something is wrong there, as opposed to a group that merely has work left. */
export function isLagTrouble(row: LagRow): boolean {
  return row.lagState === 'lost' || row.lagState === 'past-the-end' || row.lagState === 'topic-deleted'
}

/** Whether a word is not enough. */
export function needsAdvice(row: LagRow): boolean {
  return isLagTrouble(row) || row.lagState === 'unavailable'
}

export function colouredLag(row: LagRow, style: Style): string {
  const words = lagWords(row)
  if (isLagTrouble(row)) return style.red(words)
  if (row.lagState === 'up-to-date') return style.green(words)
  return row.lagState === 'behind' ? words : style.yellow(words)
}

/** What the trouble is and what to do about it. */
export function lagAdvice(row: LagRow, directory: string): string {
  const place = `Group ${withoutControls(row.group)} on ${row.topic}-${row.partition}`
  const named = shellWord(directory)
  const reset = `tidemark reset ${named} --group ${withoutControls(shellWord(row.group))} --topic ${row.topic}:${row.partition}`
  switch (row.lagState) {
    case 'lost':
      return `${place}: it had committed ${digits(row.committedOffset ?? 0)}, but the log begins at ${digits(row.logStartOffset ?? 0)} now: ${counted(lostOffsets(row), 'record')} it had not read ${lostOffsets(row) === 1 ? 'is' : 'are'} gone, by retention or by hand. To go on with what is left: ${reset} --to-earliest --execute`
    case 'past-the-end':
      return `${place}: it committed ${digits(row.committedOffset ?? 0)}, but the log ends at ${digits(row.logEndOffset ?? 0)}: records it had read are gone, or the offset was set by hand. \`tidemark verify ${named}\` looks for damage; then: ${reset} --to-latest --execute`
    case 'unavailable':
      return `${place}: how far it is cannot be told, because ${row.reason ?? 'the log cannot be read'}. \`tidemark verify ${named}\` looks for damage.`
    default:
      return `${place}: the topic it committed to does not exist any more, so the commit means nothing.`
  }
}

/** A group's partitions in one line: `1,204 behind`. */
export function summaryWords(rows: readonly LagRow[]): string {
  const troubles = rows.filter(isLagTrouble)
  if (troubles.length > 0) return `trouble on ${counted(troubles.length, 'partition')}`
  const behind = rows.reduce((total, row) => total + (row.lagRecords ?? row.lag ?? 0), 0)
  const isNew = rows.every((row) => row.lagState === 'never-committed')
  if (isNew) return rows.length === 0 ? 'nothing committed' : `never committed, ${readableWords(behind)}`
  return behind === 0 ? 'up to date' : `${digits(behind)} behind`
}

function readableWords(records: number): string {
  return records === 0 ? 'nothing to read yet' : `${digits(records)} readable`
}

function lostOffsets(row: LagRow): number {
  return Math.max(0, (row.logStartOffset ?? 0) - (row.committedOffset ?? 0))
}
