import { t } from '@vscode/l10n'
import { stateWords, stuckWords, trendWords } from './group-words.ts'
import { summaryWords } from './lag-words.ts'
import type { QuantityWords } from './quantity-words.ts'
import type { GroupSnapshot, SourceSnapshot } from './snapshot.ts'

/** A group of some source that a line of code consumes with. */
export interface FoundGroup {
  readonly source: SourceSnapshot
  /** Only the rows of the topics that the line consumes, where those are known. */
  readonly group: GroupSnapshot
}

/** The groups of this name, in every source. */
export function groupsNamed(
  name: string,
  topics: readonly string[],
  sources: readonly SourceSnapshot[],
): readonly FoundGroup[] {
  return sources.flatMap((source) =>
    source.groups
      .filter(({ group }) => group === name)
      .map((group) => {
        const rows = group.rows.filter(({ topic }) => topics.includes(topic))
        return { source, group: rows.length === 0 ? group : { ...group, rows } }
      }),
  )
}

/** `fraud · 1,204 behind · running`, `postman · 3 behind · stuck · not running` */
export function lensWords(name: string, found: readonly FoundGroup[], words: QuantityWords): string {
  if (found.length === 0) return t('{0} · nothing committed yet', name)
  return found
    .map(({ source, group }) => {
      const place = found.length === 1 ? name : `${name} (${source.name})`
      const parts = [
        place,
        summaryWords(group.rows, words),
        stuckWords(group),
        trendWords(group, words),
        stateWords(group),
      ]
      return parts.filter((part) => part !== undefined).join(' · ')
    })
    .join(' | ')
}
