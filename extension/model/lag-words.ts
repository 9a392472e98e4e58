/** How far a group is, in plain words. Kafka's own numbers stand in tooltips. */
import { t } from '@vscode/l10n'
import type { LagRow } from 'tidemark'
import type { QuantityWords } from './quantity-words.ts'
import type { Trouble } from './tree-row.ts'

/** `1,204 behind`, `up to date`, `never committed, 12 readable`, `never committed, nothing to read yet`. */
export function lagWords(row: LagRow, words: QuantityWords): string {
  const { lagRecords } = row
  switch (row.lagState) {
    case 'behind':
      return lagRecords === null
        ? t('at most {0} behind', words.digits(row.lag ?? 0))
        : t('{0} behind', words.digits(lagRecords))
    case 'up-to-date':
      return t('up to date')
    case 'never-committed':
      return lagRecords === null ? t('never committed') : newcomerWords(lagRecords, words)
    case 'lost':
      return t('{0} lost', words.digits(lostOffsets(row)))
    case 'past-the-end':
      return t('{0} past the end', words.digits(-(row.lag ?? 0)))
    case 'topic-deleted':
      return t('topic deleted')
    case 'unavailable':
      return t('unavailable because {0}', row.reason ?? t('the log cannot be read'))
  }
}

/** Partitions in one line: what is wrong first, then what is left to read. */
export function summaryWords(rows: readonly LagRow[], words: QuantityWords): string {
  const lost = rows.reduce((sum, row) => sum + lostOffsets(row), 0)
  const left = rows.filter((row) => row.lagState === 'behind' || row.lagState === 'lost')
  const behind = left.reduce((sum, row) => sum + (row.lagRecords ?? row.lag ?? 0), 0)
  const parts: string[] = []
  if (lost > 0) parts.push(t('{0} lost', words.digits(lost)))
  const beyond = rows.find((row) => row.lagState === 'past-the-end')
  if (beyond !== undefined) parts.push(lagWords(beyond, words))
  if (rows.some((row) => row.lagState === 'topic-deleted')) parts.push(t('topic deleted'))
  if (rows.some((row) => row.lagState === 'unavailable')) parts.push(t('unavailable'))
  if (behind > 0) parts.push(t('{0} behind', words.digits(behind)))
  if (parts.length > 0) return parts.join(', ')
  if (rows.length === 0) return t('nothing committed')
  if (rows.every((row) => row.lagState === 'never-committed')) {
    const readable = rows.reduce((sum, row) => sum + (row.lagRecords ?? 0), 0)
    return newcomerWords(readable, words)
  }
  return t('up to date')
}

/** Kafka's numbers, and why they may differ from ours. Markdown. */
export function lagFacts(row: LagRow, words: QuantityWords): string {
  const number = (value: number | null) => (value === null ? '–' : words.digits(value))
  const facts = [
    t('Committed: {0}', number(row.committedOffset)),
    t('Log: {0} to {1}', number(row.logStartOffset), number(row.logEndOffset)),
    t("Kafka's lag: {0}", number(row.lag)),
    t('Records to read: {0}', number(row.lagRecords)),
  ]
  if (row.committedAtMs !== null) facts.push(t('Committed on {0}', words.moment(row.committedAtMs)))
  if (row.clientId !== null) facts.push(t('Held by {0} at {1}', code(row.clientId), code(row.host ?? '?')))
  if (row.metadata) facts.push(t('Commit metadata: {0}', code(row.metadata)))
  const list = facts.map((fact) => `- ${fact}`).join('\n')
  const why = whyItDiffers(row)
  return why === undefined ? list : `${list}\n\n${why}`
}

function whyItDiffers({ lag, lagRecords, lagState }: LagRow): string | undefined {
  if (lagRecords === null || lag === lagRecords) return undefined
  if (lag === null && lagState === 'never-committed') {
    return t(
      'Kafka shows no lag before the first commit. The records are what a consumer that begins at the earliest reads.',
    )
  }
  return t(
    "Kafka counts offsets. Some of them hold no record to read: transaction markers, what compaction removed, what lies before the log's start.",
  )
}

export function lagTrouble(row: LagRow): Trouble {
  if (row.lagState === 'lost' || row.lagState === 'past-the-end') return 'error'
  return row.lagState === 'topic-deleted' || row.lagState === 'unavailable' ? 'warning' : 'none'
}

/** Any text between backticks, whatever it holds itself. */
export function code(text: string): string {
  const longest = Math.max(0, ...(text.match(/`+/g) ?? []).map((run) => run.length))
  const fence = '`'.repeat(longest + 1)
  const padding = longest > 0 ? ' ' : ''
  return `${fence}${padding}${text.replaceAll(/\s+/g, ' ')}${padding}${fence}`
}

function newcomerWords(readable: number, words: QuantityWords): string {
  if (readable === 0) return t('never committed, nothing to read yet')
  return t('never committed, {0} readable', words.digits(readable))
}

function lostOffsets(row: LagRow): number {
  return row.lagState === 'lost' ? (row.logStartOffset ?? 0) - (row.committedOffset ?? 0) : 0
}
