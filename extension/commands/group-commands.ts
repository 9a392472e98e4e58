import { t } from '@vscode/l10n'
import { commands, type Disposable, Location, Position, type Uri, window, workspace } from 'vscode'
import type { ConsumeCall } from '../lens/consume-call.ts'
import { findConsumeCalls } from '../lens/consume-calls.ts'
import { summaryWords } from '../model/lag-words.ts'
import type { QuantityWords } from '../model/quantity-words.ts'
import { rowId } from '../model/row-id.ts'
import type { TreeRow } from '../model/tree-row.ts'
import type { GroupsView } from '../view/groups-view.ts'
import type { Sources } from '../view/sources.ts'
import type { TimelinePanels } from '../view/timeline-panel.ts'
import type { TreeElement } from '../view/tree-element.ts'
import { pickGroup as chooseGroup } from './group-picker.ts'

const CODE = '**/*.{ts,tsx,mts,cts,js,jsx,mjs,cjs}'
const NOT_CODE = '{**/node_modules/**,**/dist/**,**/out/**,**/.next/**}'
const FILES_AT_MOST = 5_000

/** The commands that lead from code to a group and back. */
export function registerGroupCommands(
  view: GroupsView,
  sources: Sources,
  timelines: TimelinePanels,
  words: QuantityWords,
): readonly Disposable[] {
  return [
    commands.registerCommand('tidemark.showTimeline', async (element?: unknown) => {
      const picked = await chooseGroup(element, view, sources, words)
      if (picked !== undefined) timelines.show(picked.target)
    }),
    commands.registerCommand('tidemark.revealGroup', (name: string) => revealGroup(name, view, sources)),
    commands.registerCommand('tidemark.pickGroup', (topics: readonly string[] = []) =>
      pickGroup(topics, view, sources, words),
    ),
    commands.registerCommand('tidemark.goToConsumers', (element?: TreeElement) =>
      goToConsumers(element?.row ?? view.selected),
    ),
  ]
}

async function revealGroup(name: string, view: GroupsView, sources: Sources): Promise<void> {
  await commands.executeCommand('tidemark.groups.focus')
  const source = sources.all.find(({ snapshot }) => snapshot.groups.some(({ group }) => group === name))
  if (source !== undefined) await view.reveal(rowId('group', source.id, name))
  else void window.showInformationMessage(t('The group {0} has not committed anything yet.', name))
}

async function pickGroup(
  topics: readonly string[],
  view: GroupsView,
  sources: Sources,
  words: QuantityWords,
): Promise<void> {
  const groups = sources.all.flatMap(({ snapshot }) => snapshot.groups)
  const likely = groups.filter(({ rows }) => rows.some(({ topic }) => topics.includes(topic)))
  const items = (likely.length > 0 ? likely : groups).map(({ group, rows }) => ({
    label: group,
    description: summaryWords(rows, words),
  }))
  if (items.length === 0) {
    void window.showInformationMessage(t('No group has committed anything yet.'))
    return
  }
  const chosen = await window.showQuickPick(items, { title: t('Which group does this line consume as?') })
  if (chosen !== undefined) await revealGroup(chosen.label, view, sources)
}

async function goToConsumers(row: TreeRow | undefined): Promise<void> {
  const group = row?.target.group
  if (group === undefined) return
  const places = await findPlaces(group)
  if (places.length === 0) {
    void window.showInformationMessage(t('No line of this workspace consumes as the group {0} by its name.', group))
    return
  }
  const [first] = places
  const at = { uri: first!.uri, position: first!.range.start }
  await window.showTextDocument(at.uri, { selection: first!.range })
  if (places.length > 1)
    await commands.executeCommand('editor.action.goToLocations', at.uri, at.position, places, 'peek')
}

async function findPlaces(group: string): Promise<readonly Location[]> {
  const files = await workspace.findFiles(CODE, NOT_CODE, FILES_AT_MOST)
  const places = await Promise.all(
    files.map(async (uri) =>
      (await callsIn(uri)).filter((call) => isOf(call, group)).map((call) => locationOf(uri, call)),
    ),
  )
  return places.flat()
}

async function callsIn(uri: Uri): Promise<readonly ConsumeCall[]> {
  const open = workspace.textDocuments.find((document) => document.uri.toString() === uri.toString())
  const text = open?.getText() ?? Buffer.from(await workspace.fs.readFile(uri)).toString()
  return (await findConsumeCalls(text, uri.path)) ?? []
}

function isOf({ group }: ConsumeCall, name: string): boolean {
  return group.kind === 'literal' && group.name === name
}

function locationOf(uri: Uri, { line, column }: ConsumeCall): Location {
  return new Location(uri, new Position(line, column))
}
