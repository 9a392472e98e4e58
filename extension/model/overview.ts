/** All sources in one line, for the badge and the status bar. */
import { t } from '@vscode/l10n'
import type { QuantityWords } from './quantity-words.ts'
import type { GroupSnapshot, SourceSnapshot } from './snapshot.ts'
import { groupTrouble, recordsBehind } from './tree-look.ts'
import type { Trouble } from './tree-row.ts'

export interface Overview {
  readonly trouble: Trouble
  /** Groups that somebody should look at. */
  readonly inTrouble: readonly GroupSnapshot[]
  readonly groups: number
  readonly behind: number
}

export function overviewOf(sources: readonly SourceSnapshot[]): Overview {
  const groups = sources.flatMap((source) => source.groups)
  const errors = groups.filter((group) => groupTrouble(group) === 'error')
  const warnings = groups.filter((group) => groupTrouble(group) === 'warning')
  return {
    trouble: errors.length > 0 ? 'error' : warnings.length > 0 ? 'warning' : 'none',
    inTrouble: [...errors, ...warnings],
    groups: groups.length,
    behind: groups.reduce((sum, group) => sum + recordsBehind(group), 0),
  }
}

/** `2 groups in trouble`, otherwise how much is left to read. */
export function overviewWords({ inTrouble, groups, behind }: Overview, words: QuantityWords): string {
  if (inTrouble.length === 1) return t('{0} in trouble', inTrouble[0]?.group ?? '')
  if (inTrouble.length > 1) return t('{0} groups in trouble', words.digits(inTrouble.length))
  if (groups === 0) return t('no groups')
  return behind === 0 ? t('up to date') : t('{0} behind', words.digits(behind))
}
