import { t } from '@vscode/l10n'
import { groupRow } from './group-row.ts'
import { code, lagTrouble, summaryWords } from './lag-words.ts'
import type { RowContext } from './partition-row.ts'
import { rowId } from './row-id.ts'
import type { GroupSnapshot } from './snapshot.ts'
import { type TreeRow, worst } from './tree-row.ts'

/** The topics that groups read, each with its groups below. */
export function topicRows(groups: readonly GroupSnapshot[], context: RowContext): readonly TreeRow[] {
  const topics = [...new Set(groups.flatMap(({ rows }) => rows.map(({ topic }) => topic)))].sort()
  return topics.map((topic) => {
    const readers = groups
      .map((group) => ({ ...group, rows: group.rows.filter((row) => row.topic === topic) }))
      .filter(({ rows }) => rows.length > 0)
    const rows = readers.flatMap((group) => group.rows)
    const description = [
      readers.length === 1 ? t('1 group') : t('{0} groups', readers.length),
      summaryWords(rows, context.words),
    ].join(' · ')
    return {
      id: rowId('topic', context.source, topic),
      kind: 'topic',
      label: topic,
      description,
      tooltip: `**${code(topic)}**\n\n${description}`,
      spoken: t('topic {0}: {1}', topic, description),
      icon: { name: 'list-ordered' },
      target: { source: context.source, topic },
      context: 'topic whole',
      trouble: worst(rows.map(lagTrouble)),
      children: readers.map((group) => groupRow(group, context, topic)),
    }
  })
}
