import { t } from '@vscode/l10n'
import type { GroupOffset } from 'tidemark'
import { commands, type Disposable, window } from 'vscode'
import type { QuantityWords } from '../model/quantity-words.ts'
import type { Deletion, Deletions } from '../view/deletions.ts'
import type { GroupsView } from '../view/groups-view.ts'
import type { Sources } from '../view/sources.ts'
import { guardChange } from './change-guard.ts'
import { type PickedGroup, pickGroup } from './group-picker.ts'

/** Deleting what a group has committed, with a way back. */
export function registerDeleteCommands(
  view: GroupsView,
  sources: Sources,
  deletions: Deletions,
  words: QuantityWords,
): readonly Disposable[] {
  const putBack = (deletion: Deletion) =>
    guardChange(() => restore(deletion, sources, deletions), 'tide.groups.restore(…)')
  return [
    commands.registerCommand('tidemark.deleteCommits', (element: unknown) =>
      guardChange(async () => {
        const picked = await pickGroup(element, view, sources, words)
        const deletion = picked && (await remove(picked, words))
        if (deletion === undefined) return
        await deletions.add(deletion)
        // Not awaited: the notification may stay for long.
        void offerUndo(deletion).then((isWanted) => (isWanted ? putBack(deletion) : undefined))
      }, 'tide.groups.delete(…) or deleteOffsets(…)'),
    ),
    commands.registerCommand('tidemark.restoreCommits', () =>
      pickDeletion(deletions, words).then((each) => each && putBack(each)),
    ),
  ]
}

async function remove({ source, target }: PickedGroup, words: QuantityWords): Promise<Deletion | undefined> {
  const { group, topic } = target
  const offsets = await source.use((tide) => tide.groups.offsets(group))
  const meant = offsets.filter((offset) => topic === undefined || offset.topic === topic)
  const question =
    topic === undefined
      ? t('Delete the group {0} with all it has committed?', group)
      : t('Delete what {0} has committed for {1}?', group, topic)
  const consequence = t('It will start there as if it had never read them. This can be undone.')
  const detail = [...meant.slice(0, 10).map((offset) => offsetWords(offset, words)), consequence].join('\n')
  const yes = t('Delete')
  if ((await window.showWarningMessage(question, { modal: true, detail }, yes)) !== yes) return undefined
  const deleted = await source.change(async (tide) => {
    if (topic !== undefined) return await tide.groups.deleteOffsets(group, [topic])
    const [all] = await tide.groups.delete(group)
    return all!
  })
  return { source: source.id, deletedAtMs: Date.now(), deleted }
}

async function offerUndo({ deleted }: Deletion): Promise<boolean> {
  const undo = t('Undo')
  return (await window.showInformationMessage(t('What {0} had committed was deleted.', deleted.group), undo)) === undo
}

async function restore(deletion: Deletion, sources: Sources, deletions: Deletions): Promise<void> {
  const source = sources.get(deletion.source)
  if (source === undefined) throw new Error(t('The data directory {0} is not shown any more.', deletion.source))
  await source.change((tide) => tide.groups.restore(deletion.deleted))
  await deletions.remove(deletion)
  void window.showInformationMessage(t('{0} stands where it stood before it was deleted.', deletion.deleted.group))
}

async function pickDeletion(deletions: Deletions, words: QuantityWords): Promise<Deletion | undefined> {
  const items = deletions.all.map((deletion) => ({
    label: deletion.deleted.group,
    description: words.moment(deletion.deletedAtMs),
    detail: deletion.deleted.offsets.map((offset) => offsetWords(offset, words)).join(', '),
    deletion,
  }))
  if (items.length === 0) void window.showInformationMessage(t('Nothing was deleted here that could be put back.'))
  return (await window.showQuickPick(items, { title: t('Put back what was deleted') }))?.deletion
}

function offsetWords({ topic, partition, offset }: GroupOffset, words: QuantityWords): string {
  return `${topic}-${partition}: ${words.digits(offset)}`
}
