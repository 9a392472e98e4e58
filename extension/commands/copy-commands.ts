import { t } from '@vscode/l10n'
import type { LagRow } from 'tidemark'
import { commands, type Disposable, env, Uri, window, workspace } from 'vscode'
import { rowsAsJson, rowsAsOffsetsCsv, rowsAsTable } from '../model/copied-text.ts'
import { isMeant, type TreeRow } from '../model/tree-row.ts'
import type { GroupsView } from '../view/groups-view.ts'
import type { Sources } from '../view/sources.ts'
import { TreeElement } from '../view/tree-element.ts'

/** Taking names, offsets and rows elsewhere. */
export function registerCopyCommands(view: GroupsView, sources: Sources): readonly Disposable[] {
  const rowOf = (element: unknown) => (element instanceof TreeElement ? element.row : view.selected)
  const register = (name: string, textOf: (row: TreeRow, rows: readonly LagRow[]) => string) =>
    commands.registerCommand(`tidemark.${name}`, async (element: unknown) => {
      const row = rowOf(element)
      if (row !== undefined) await env.clipboard.writeText(textOf(row, lagRows(row, sources)))
    })
  return [
    register('copyName', (row) => row.label),
    register('copyOffset', (_, [first]) => String(first?.committedOffset ?? '')),
    register('copyRow', (_, rows) => rowsAsTable(rows)),
    register('copyJson', (_, rows) => rowsAsJson(rows)),
    commands.registerCommand('tidemark.exportGroup', async (element: unknown) => {
      const row = rowOf(element)
      if (row !== undefined) await exportRows(row, lagRows(row, sources))
    }),
  ]
}

function lagRows({ target }: TreeRow, sources: Sources): readonly LagRow[] {
  const groups = sources.get(target.source)?.snapshot.groups ?? []
  return groups.flatMap(({ rows }) => rows).filter((row) => isMeant(row, target))
}

async function exportRows(row: TreeRow, rows: readonly LagRow[]): Promise<void> {
  const base = workspace.workspaceFolders?.[0]?.uri
  const name = `${row.label.replaceAll(/[^\w.-]+/g, '_')}-offsets.csv`
  const uri = await window.showSaveDialog({
    ...(base === undefined ? {} : { defaultUri: Uri.joinPath(base, name) }),
    filters: { [t('Offsets, as Kafka’s tool takes them')]: ['csv'], [t('All that is known')]: ['json'] },
    title: t('Export {0}', row.label),
  })
  if (uri === undefined) return
  const text = uri.path.endsWith('.json') ? rowsAsJson(rows) : rowsAsOffsetsCsv(rows)
  await workspace.fs.writeFile(uri, Buffer.from(text))
}
