import { t } from '@vscode/l10n'
import { drawnGroup } from './drawn-group.ts'
import type { RowContext } from './partition-row.ts'
import { rowId } from './row-id.ts'
import type { SourceSnapshot } from './snapshot.ts'
import { topicRows } from './topic-row.ts'
import { lookAt, type TreeLook } from './tree-look.ts'
import { type TreeRow, worst } from './tree-row.ts'

/** What the whole view shows. A single source takes no row of its own. */
export function treeRows(
  sources: readonly SourceSnapshot[],
  look: TreeLook,
  present: Omit<RowContext, 'source'>,
): readonly TreeRow[] {
  const shown = sources.map((source) => {
    const context = { source: source.id, ...present }
    const groups = lookAt(source.groups, look)
    const rows = look.by === 'topic' ? topicRows(groups, context) : groups.map((group) => drawnGroup(group, context))
    return { source, rows }
  })
  const single = shown.length === 1 ? shown[0] : undefined
  if (single !== undefined && single.source.status.kind !== 'unavailable') return single.rows
  return shown.map(({ source, rows }) => sourceRow(source, rows))
}

function sourceRow(source: SourceSnapshot, children: readonly TreeRow[]): TreeRow {
  const { status } = source
  const description = sourceWords(source)
  return {
    id: rowId('source', source.id),
    kind: 'source',
    label: source.name,
    description,
    tooltip: source.id,
    spoken: t('data directory {0}: {1}', source.name, description),
    icon:
      status.kind === 'unavailable'
        ? { name: 'warning', colour: 'problemsWarningIcon.foreground' }
        : { name: 'database' },
    target: { source: source.id },
    context: `source ${status.kind}`,
    trouble: status.kind === 'unavailable' ? 'warning' : worst(children.map(({ trouble }) => trouble)),
    children,
  }
}

function sourceWords({ status, groups }: SourceSnapshot): string {
  if (status.kind === 'reading') return t('reading…')
  if (status.kind === 'unavailable') return status.reason
  return groups.length === 1 ? t('1 group') : t('{0} groups', groups.length)
}
