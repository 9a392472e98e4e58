import { t } from '@vscode/l10n'
import type { LagRow } from 'tidemark'
import { isRunning, stateWords } from './group-words.ts'
import { code, lagTrouble, summaryWords } from './lag-words.ts'
import { partitionRow, type RowContext } from './partition-row.ts'
import { rowId } from './row-id.ts'
import type { GroupSnapshot } from './snapshot.ts'
import { type TreeRow, type Trouble, worst } from './tree-row.ts'

/**
 * A group; below it its topics, and below them their partitions. A level with one child is left out. `below`: the topic
 * whose row it stands under.
 */
export function groupRow(group: GroupSnapshot, context: RowContext, below?: string): TreeRow {
  const { words } = context
  const topics = [...Map.groupBy(group.rows, ({ topic }) => topic)]
  const only = group.rows.length === 1 ? group.rows[0] : undefined
  const trouble = worst(group.rows.map(lagTrouble))
  const description = [
    summaryWords(group.rows, words),
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
    children: only ? [] : topics.length === 1 ? partitionRows(group.rows, context) : topicRows(group, topics, context),
  }
}

function topicRows(
  group: GroupSnapshot,
  topics: readonly (readonly [string, readonly LagRow[]])[],
  context: RowContext,
): readonly TreeRow[] {
  return topics.map(([topic, rows]) => {
    const only = rows.length === 1 ? rows[0] : undefined
    // A topic with one partition is that partition.
    if (only !== undefined) return partitionRow(only, topic, context)
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
      children: partitionRows(rows, context),
    } satisfies TreeRow
  })
}

function partitionRows(rows: readonly LagRow[], context: RowContext): readonly TreeRow[] {
  return rows.map((row) => partitionRow(row, t('partition {0}', row.partition), context))
}

function groupTooltip(group: GroupSnapshot, context: RowContext, only: LagRow | undefined): string {
  const lines = [`**${code(group.group)}**`, t('{0} group, {1} in Kafka’s words', group.type, group.state)]
  if (only !== undefined) lines.push(partitionRow(only, '', context).tooltip)
  return lines.join('\n\n')
}

function groupIcon(group: GroupSnapshot, trouble: Trouble): TreeRow['icon'] {
  if (trouble === 'error') return { name: 'error', colour: 'problemsErrorIcon.foreground' }
  if (trouble === 'warning') return { name: 'warning', colour: 'problemsWarningIcon.foreground' }
  return isRunning(group) ? { name: 'play-circle', colour: 'testing.iconPassed' } : { name: 'circle-outline' }
}
