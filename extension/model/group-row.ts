import { t } from '@vscode/l10n'
import type { LagRow } from 'tidemark'
import {
  isRunning,
  progressText,
  stateWords,
  stuckWords,
  timeLagWords,
  trendWords,
  verdictText,
} from './group-words.ts'
import { code, lagFacts, lagTrouble, summaryWords } from './lag-words.ts'
import { partitionRow, type RowContext } from './partition-row.ts'
import { rowId } from './row-id.ts'
import type { GroupSnapshot } from './snapshot.ts'
import { groupTrouble } from './tree-look.ts'
import { type TreeRow, type Trouble, worst } from './tree-row.ts'

/**
 * A group; below it its topics, and below them their partitions. A level with one child is left out. `below`: the topic
 * whose row it stands under.
 */
export function groupRow(group: GroupSnapshot, context: RowContext, below?: string): TreeRow {
  const { words } = context
  const rows = heldRows(group)
  const topics = [...Map.groupBy(rows, ({ topic }) => topic)]
  const only = rows.length === 1 ? rows[0] : undefined
  const trouble = groupTrouble(group)
  const progress = group.health?.progress
  const description = [
    summaryWords(rows, words),
    stuckWords(group),
    trendWords(group, words),
    timeLagWords(progress, words),
    stateWords(group),
    below === undefined && topics.length === 1 ? topics[0]?.[0] : undefined,
  ].filter((part) => part !== undefined)
  return {
    id:
      below === undefined
        ? rowId('group', context.source, group.group)
        : rowId('group', context.source, group.group, below),
    kind: 'group',
    label: group.group,
    description: description.join(' · '),
    tooltip: groupTooltip(group, context, only),
    spoken: t('group {0}: {1}', group.group, description.join(', ')),
    icon: groupIcon(group, trouble),
    target: {
      source: context.source,
      group: group.group,
      ...(below !== undefined && { topic: below }),
      ...(only && { topic: only.topic, partition: only.partition }),
    },
    context: `group ${isRunning(group) ? 'running' : 'idle'}${only ? ' single' : ''}`,
    trouble,
    children: only ? [] : topics.length === 1 ? partitionRows(group, rows, context) : topicRows(group, topics, context),
  }
}

/** The files of a program that was killed still say that its members hold partitions. */
function heldRows(group: GroupSnapshot): readonly LagRow[] {
  if (isRunning(group)) return group.rows
  return group.rows.map((row) => ({ ...row, memberId: null, clientId: null, host: null }))
}

function topicRows(
  group: GroupSnapshot,
  topics: readonly (readonly [string, readonly LagRow[]])[],
  context: RowContext,
): readonly TreeRow[] {
  const verdicts = group.health?.verdicts ?? []
  return topics.map(([topic, rows]) => {
    const only = rows.length === 1 ? rows[0] : undefined
    // A topic with one partition is that partition.
    if (only !== undefined) return partitionRow(only, topic, context, verdicts)
    const trouble = worst(rows.map(lagTrouble))
    const description = summaryWords(rows, context.words)
    return {
      id: rowId('topic', context.source, group.group, topic),
      kind: 'topic',
      label: topic,
      description,
      tooltip: `**${code(topic)}**\n\n${t('{0} partitions, {1}', rows.length, description)}`,
      spoken: t('topic {0} of {1}: {2}', topic, group.group, description),
      icon: { name: 'list-ordered' },
      target: { source: context.source, group: group.group, topic },
      context: 'topic',
      trouble,
      children: partitionRows(group, rows, context),
    } satisfies TreeRow
  })
}

function partitionRows(group: GroupSnapshot, rows: readonly LagRow[], context: RowContext): readonly TreeRow[] {
  const verdicts = group.health?.verdicts ?? []
  return rows.map((row) => partitionRow(row, t('partition {0}', row.partition), context, verdicts))
}

function groupTooltip(group: GroupSnapshot, context: RowContext, only: LagRow | undefined): string {
  const lines = [`**${code(group.group)}**`]
  for (const verdict of group.health?.verdicts ?? []) lines.push(verdictText(verdict, context.words))
  if (group.health !== undefined) lines.push(progressText(group.health.progress, context.words))
  lines.push(t('{0} group, {1} in Kafka’s words', group.type, group.state))
  if (only !== undefined) lines.push(lagFacts(only, context.words))
  return lines.join('\n\n')
}

function groupIcon(group: GroupSnapshot, trouble: Trouble): TreeRow['icon'] {
  if (trouble === 'error') return { name: 'error', colour: 'problemsErrorIcon.foreground' }
  if (trouble === 'warning') return { name: 'warning', colour: 'problemsWarningIcon.foreground' }
  return isRunning(group) ? { name: 'play-circle', colour: 'testing.iconPassed' } : { name: 'circle-outline' }
}
