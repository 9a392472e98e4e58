import { t } from '@vscode/l10n'
import type { LagRow } from 'tidemark'
import { commands, type Disposable, window } from 'vscode'
import { lagWords } from '../model/lag-words.ts'
import type { QuantityWords } from '../model/quantity-words.ts'
import { isMeant, type RowTarget } from '../model/tree-row.ts'
import type { GroupsView } from '../view/groups-view.ts'
import type { RecordDocuments } from '../view/record-documents.ts'
import type { Sources } from '../view/sources.ts'
import { TreeElement } from '../view/tree-element.ts'

interface PlacedRow {
  readonly source: string
  readonly row: LagRow
}

/** The commands that lead from a number to the record behind it. */
export function registerRecordCommands(
  view: GroupsView,
  sources: Sources,
  documents: RecordDocuments,
  words: QuantityWords,
): readonly Disposable[] {
  const targetOf = (element: unknown) => (element instanceof TreeElement ? element.row.target : view.selected?.target)
  const pick = (rows: readonly PlacedRow[]) => pickPartition(rows, words)
  return [
    commands.registerCommand('tidemark.showNextRecord', async (where: unknown, topics?: readonly string[]) => {
      const rows =
        typeof where === 'string' ? rowsOfGroup(where, topics ?? [], sources) : rowsOf(targetOf(where), sources)
      const chosen = await pick(rows)
      if (chosen !== undefined) await documents.show(nextOf(chosen))
    }),
    commands.registerCommand('tidemark.showRecord', async (element: unknown) => {
      const chosen = await pick(rowsOf(targetOf(element), sources))
      const offset = chosen === undefined ? undefined : await askOffset(chosen.row, words)
      if (chosen === undefined || offset === undefined) return
      const { topic, partition } = chosen.row
      await documents.show({ source: chosen.source, topic, partition, offset })
    }),
    commands.registerCommand('tidemark.followRecords', async (element: unknown) => {
      const chosen = await pick(rowsOf(targetOf(element), sources))
      if (chosen === undefined) return
      const { topic, partition } = chosen.row
      await documents.show({ source: chosen.source, topic, partition, offset: 'end' })
    }),
  ]
}

function nextOf({ source, row }: PlacedRow) {
  const { group, topic, partition } = row
  const offset = Math.max(row.committedOffset ?? 0, row.logStartOffset ?? 0)
  return { source, topic, partition, offset, group }
}

/** The partitions that a row of the tree stands for; without a row, all of them. */
function rowsOf(target: RowTarget | undefined, sources: Sources): readonly PlacedRow[] {
  return allRows(sources).filter(
    ({ source, row }) => target === undefined || (source === target.source && isMeant(row, target)),
  )
}

function rowsOfGroup(group: string, topics: readonly string[], sources: Sources): readonly PlacedRow[] {
  const rows = allRows(sources).filter(({ row }) => row.group === group)
  const narrowed = rows.filter(({ row }) => topics.includes(row.topic))
  return narrowed.length > 0 ? narrowed : rows
}

function allRows(sources: Sources): readonly PlacedRow[] {
  return sources.all.flatMap(({ id, snapshot }) =>
    snapshot.groups.flatMap(({ rows }) =>
      rows.filter(({ lagState }) => lagState !== 'topic-deleted').map((row) => ({ source: id, row })),
    ),
  )
}

/** The most behind first: that is where somebody who looks for trouble wants to go. */
async function pickPartition(rows: readonly PlacedRow[], words: QuantityWords): Promise<PlacedRow | undefined> {
  if (rows.length === 0) void window.showInformationMessage(t('There is no partition to look at yet.'))
  if (rows.length < 2) return rows[0]
  const items = rows
    .toSorted((a, b) => (b.row.lagRecords ?? 0) - (a.row.lagRecords ?? 0))
    .map((placed) => ({
      label: `${placed.row.topic}-${placed.row.partition}`,
      description: `${lagWords(placed.row, words)} · ${placed.row.group}`,
      placed,
    }))
  return (await window.showQuickPick(items, { title: t('Which partition?'), matchOnDescription: true }))?.placed
}

async function askOffset(row: LagRow, words: QuantityWords): Promise<number | undefined> {
  const first = row.logStartOffset ?? 0
  const last = Math.max(first, (row.logEndOffset ?? 1) - 1)
  const answer = await window.showInputBox({
    title: `${row.topic}-${row.partition}`,
    prompt: t('Offset of the record, from {0} to {1}', words.digits(first), words.digits(last)),
    value: String(row.committedOffset ?? first),
    validateInput: (text) => {
      const offset = Number(text)
      if (Number.isInteger(offset) && offset >= first && offset <= last) return undefined
      return t('A whole number from {0} to {1}', words.digits(first), words.digits(last))
    },
  })
  return answer === undefined ? undefined : Number(answer)
}
