import { t } from '@vscode/l10n'
import { window } from 'vscode'
import { summaryWords } from '../model/lag-words.ts'
import type { QuantityWords } from '../model/quantity-words.ts'
import type { RowTarget } from '../model/tree-row.ts'
import type { DataSource } from '../source/data-source.ts'
import type { GroupsView } from '../view/groups-view.ts'
import type { Sources } from '../view/sources.ts'
import { TreeElement } from '../view/tree-element.ts'

/** Which group, or which part of it, a command is about. */
export interface PickedGroup {
  readonly source: DataSource
  readonly target: RowTarget & { readonly group: string }
}

/**
 * The row a command was called on; from the palette the selected one, otherwise the group that is picked from a list.
 * During a refresh VS Code may hand over no row at all, so none is taken for granted.
 */
export async function pickGroup(
  element: unknown,
  view: GroupsView,
  sources: Sources,
  words: QuantityWords,
): Promise<PickedGroup | undefined> {
  const target = element instanceof TreeElement ? element.row.target : view.selected?.target
  const source = target === undefined ? undefined : sources.get(target.source)
  if (source !== undefined && target?.group !== undefined) return { source, target: { ...target, group: target.group } }
  const items = sources.all.flatMap((each) =>
    each.snapshot.groups.map(({ group, rows }) => ({
      label: group,
      description: summaryWords(rows, words),
      detail: sources.all.length > 1 ? each.name : '',
      found: { source: each, target: { source: each.id, group } },
    })),
  )
  if (items.length === 0) void window.showInformationMessage(t('No group has committed anything yet.'))
  return (await window.showQuickPick(items, { title: t('Which group?') }))?.found
}
