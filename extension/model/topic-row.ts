import { t } from '@vscode/l10n'
import { drawnGroup } from './drawn-group.ts'
import { code, lagTrouble, summaryWords } from './lag-words.ts'
import type { RowContext } from './partition-row.ts'
import { rowId } from './row-id.ts'
import type { GroupSnapshot } from './snapshot.ts'
import { type TreeRow, worst } from './tree-row.ts'

/** The topics that groups read, each with its groups below. */
export function topicRows(groups: readonly GroupSnapshot[], context: RowContext): readonly TreeRow[] {
  const readersOf = Map.groupBy(groups.flatMap(byTopic), ({ rows }) => rows[0]?.topic ?? '')
  const topics = [...readersOf].sort(([a], [b]) => (a < b ? -1 : 1))
  return topics.map(([topic, readers]) => {
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
      children: readers.map((group) => drawnGroup(group, context, topic)),
    }
  })
}

/** The same objects for the same group, so that a topic's thousands of readers are put into words once. */
const parts = new WeakMap<GroupSnapshot, readonly GroupSnapshot[]>()

/** A group once per topic that it reads, with the rows of that topic. */
function byTopic(group: GroupSnapshot): readonly GroupSnapshot[] {
  const known = parts.get(group)
  if (known !== undefined) return known
  const rowsOf = Map.groupBy(group.rows, ({ topic }) => topic)
  const divided = [...rowsOf.values()].map((rows) => ({ ...group, rows }))
  parts.set(group, divided)
  return divided
}
