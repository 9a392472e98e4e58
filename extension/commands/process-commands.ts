import { t } from '@vscode/l10n'
import { commands, type Disposable, env, type QuickPickItem, window } from 'vscode'
import { processWords } from '../model/process-words.ts'
import type { QuantityWords } from '../model/quantity-words.ts'
import type { Sources } from '../view/sources.ts'

interface ProcessItem extends QuickPickItem {
  readonly pid: number | null
}

/** Which processes have a directory open. */
export function registerProcessCommands(sources: Sources, words: QuantityWords): readonly Disposable[] {
  return [commands.registerCommand('tidemark.showProcesses', () => showProcesses(sources, words))]
}

async function showProcesses(sources: Sources, words: QuantityWords): Promise<void> {
  const items = await findProcesses(sources, words)
  if (items.length === 0) {
    void window.showInformationMessage(t('No process has a data directory of this workspace open for writing.'))
    return
  }
  const chosen = await window.showQuickPick(items, {
    title: t('Processes that have a data directory open'),
    placeHolder: t('Choose one to copy its process id'),
    matchOnDescription: true,
  })
  if (chosen?.pid != null) await env.clipboard.writeText(String(chosen.pid))
}

async function findProcesses(sources: Sources, words: QuantityWords): Promise<readonly ProcessItem[]> {
  const items: ProcessItem[] = []
  for (const source of sources.all) {
    // A directory that cannot be read says so in the tree.
    const described = await source.use((tide) => tide.describeCluster()).catch(() => undefined)
    if (described === undefined) continue
    for (const entry of processWords(described, words, Date.now())) {
      const detail = [source.name, entry.detail].filter((part) => part !== undefined).join(' · ')
      items.push({ ...entry, detail })
    }
  }
  return items
}
