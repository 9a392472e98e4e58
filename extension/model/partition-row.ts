import { t } from '@vscode/l10n'
import type { HealthVerdict, LagRow } from 'tidemark'
import { verdictText, verdictTrouble } from './group-words.ts'
import { code, lagFacts, lagTrouble, lagWords } from './lag-words.ts'
import type { QuantityWords } from './quantity-words.ts'
import { rowId } from './row-id.ts'
import { type TreeRow, type Trouble, worst } from './tree-row.ts'

/** What rows are made with. */
export interface RowContext {
  /** Of the source. */
  readonly source: string
  readonly words: QuantityWords
  readonly nowMs: number
}

/** How a group stands on one partition: committed of end, behind, since when, held by whom. */
export function partitionRow(
  row: LagRow,
  label: string,
  context: RowContext,
  verdicts: readonly HealthVerdict[] = [],
): TreeRow {
  const { words, nowMs } = context
  const { group, topic, partition } = row
  const own = verdicts.filter((verdict) => verdict.topic === topic && verdict.partition === partition)
  const description = [
    lagWords(row, words),
    own.some(({ rule, severity }) => rule === 'stuck' && severity === 'error') ? t('stuck') : undefined,
    row.committedOffset === null || row.logEndOffset === null
      ? undefined
      : t('{0} of {1}', words.digits(row.committedOffset), words.digits(row.logEndOffset)),
    row.committedAtMs === null ? undefined : words.age(row.committedAtMs, nowMs),
    row.clientId ?? undefined,
  ].filter((part) => part !== undefined)
  const trouble = worst([lagTrouble(row), ...own.map(verdictTrouble)])
  return {
    id: rowId('partition', context.source, group, topic, partition),
    kind: 'partition',
    label,
    description: description.join(' · '),
    tooltip: [
      `**${code(`${topic}-${partition}`)}**`,
      ...own.map((verdict) => verdictText(verdict, words)),
      lagFacts(row, words),
    ].join('\n\n'),
    spoken: t('{0} partition {1} of {2}: {3}', topic, partition, group, description.join(', ')),
    icon: partitionIcon(row, trouble),
    target: { source: context.source, group, topic, partition },
    context: `partition ${row.committedOffset === null ? 'uncommitted' : 'committed'}`,
    trouble,
    children: [],
  }
}

function partitionIcon(row: LagRow, trouble: Trouble): TreeRow['icon'] {
  if (trouble === 'error') return { name: 'error', colour: 'problemsErrorIcon.foreground' }
  if (trouble === 'warning') return { name: 'warning', colour: 'problemsWarningIcon.foreground' }
  if (row.lagState === 'up-to-date') return { name: 'pass', colour: 'testing.iconPassed' }
  return row.lagState === 'never-committed' ? { name: 'circle-outline' } : { name: 'debug-line-by-line' }
}
