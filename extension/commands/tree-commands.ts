import { t } from '@vscode/l10n'
import { ConfigurationTarget, commands, type Disposable, window, workspace } from 'vscode'
import type { GroupsView } from '../view/groups-view.ts'
import type { Sources } from '../view/sources.ts'
import { lookOfSettings, rememberLook } from '../view/tree-look-settings.ts'

/** The commands of the view's title bar: refresh, pause, filter, sort, and which directories are shown. */
export function registerTreeCommands(view: GroupsView, sources: Sources): readonly Disposable[] {
  const register = (name: string, run: () => unknown) => commands.registerCommand(`tidemark.${name}`, run)
  return [
    register('refresh', async () => {
      await sources.find()
      await sources.refresh()
    }),
    register('pause', () => {
      view.isPaused = true
    }),
    register('resume', () => {
      view.isPaused = false
    }),
    register('filter', () => filter(view)),
    register('clearFilter', () => {
      view.filter = ''
    }),
    register('showByGroup', () => rememberLook('groupBy', 'group')),
    register('showByTopic', () => rememberLook('groupBy', 'topic')),
    register('sort', () => sort(view)),
    register('hideFinished', () => rememberLook('hideFinished', true)),
    register('showFinished', () => rememberLook('hideFinished', false)),
    register('addDirectory', addDirectory),
  ]
}

async function filter(view: GroupsView): Promise<void> {
  const before = view.filter
  const input = window.createInputBox()
  input.title = t('Filter consumer groups')
  input.placeholder = t('Part of the name of a group or topic')
  input.value = before
  input.onDidChangeValue((value) => {
    view.filter = value
  })
  const accepted = await new Promise<boolean>((resolve) => {
    input.onDidAccept(() => resolve(true))
    input.onDidHide(() => resolve(false))
    input.show()
  })
  input.dispose()
  if (!accepted) view.filter = before
}

async function sort(view: GroupsView): Promise<void> {
  const now = lookOfSettings(view.filter).sort
  const choices = [
    { sortBy: 'trouble', label: t('By trouble'), description: t('what is wrong first, then the most behind') },
    { sortBy: 'lag', label: t('By lag'), description: t('the most behind first') },
    { sortBy: 'name', label: t('By name'), description: t('always in the same order') },
  ]
  const items = choices.map((choice) => ({ ...choice, picked: choice.sortBy === now }))
  const chosen = await window.showQuickPick(items, { title: t('Sort consumer groups') })
  if (chosen !== undefined) await rememberLook('sortBy', chosen.sortBy)
}

async function addDirectory(): Promise<void> {
  const chosen = await window.showOpenDialog({
    canSelectFiles: false,
    canSelectFolders: true,
    openLabel: t('Show'),
    title: t('A Tidemark or Kafka data directory'),
  })
  const path = chosen?.[0]?.fsPath
  if (path === undefined) return
  const settings = workspace.getConfiguration('tidemark')
  const paths = settings.get<readonly string[]>('directories', [])
  const target = workspace.workspaceFolders ? ConfigurationTarget.Workspace : ConfigurationTarget.Global
  if (!paths.includes(path)) await settings.update('directories', [...paths, path], target)
}
