import { config } from '@vscode/l10n'
import { type ExtensionContext, env, l10n, window } from 'vscode'
import { registerCopyCommands } from './commands/copy-commands.ts'
import { registerDeadLetterCommands } from './commands/dead-letter-commands.ts'
import { registerDeleteCommands } from './commands/delete-commands.ts'
import { registerGroupCommands } from './commands/group-commands.ts'
import { registerProcessCommands } from './commands/process-commands.ts'
import { registerRecordCommands } from './commands/record-commands.ts'
import { registerResetCommands } from './commands/reset-commands.ts'
import { registerTreeCommands } from './commands/tree-commands.ts'
import { QuantityWords } from './model/quantity-words.ts'
import type { Statistics } from './model/statistics.ts'
import { Attention } from './view/attention.ts'
import { ConsumeLenses } from './view/consume-lenses.ts'
import { Deletions } from './view/deletions.ts'
import { FileViewer } from './view/file-viewer.ts'
import { GroupsView } from './view/groups-view.ts'
import { RecordDocuments } from './view/record-documents.ts'
import { RowDecorations } from './view/row-decorations.ts'
import { Sources } from './view/sources.ts'
import { TimelinePanels } from './view/timeline-panel.ts'
import { TroubleNotices } from './view/trouble-notices.ts'

/** What `activate` hands to whoever depends on the extension: how much it has done. */
export interface TidemarkExtension {
  readonly statistics: Readonly<Statistics>
}

export function activate(context: ExtensionContext): TidemarkExtension {
  if (l10n.bundle !== undefined) config({ contents: l10n.bundle })
  const statistics: Statistics = { reads: 0, changedRows: 0, drawnRows: 0 }
  const log = window.createOutputChannel('Tidemark', { log: true })
  const sources = new Sources(log, statistics)
  const words = new QuantityWords(env.language)
  const view = new GroupsView(sources, words, statistics)
  const lenses = new ConsumeLenses(sources, words)
  const timelines = new TimelinePanels(sources, words)
  const documents = new RecordDocuments(sources, words)
  context.subscriptions.push(
    log,
    sources,
    new TroubleNotices(sources),
    view,
    lenses,
    documents,
    timelines,
    new Attention(sources, view, { lenses, documents, timelines }),
    window.registerFileDecorationProvider(new RowDecorations()),
    window.registerCustomEditorProvider(FileViewer.viewType, new FileViewer(words)),
    ...registerTreeCommands(view, sources),
    ...registerRecordCommands(view, sources, documents, words),
    ...registerResetCommands(view, sources, words),
    ...registerDeadLetterCommands(sources, words),
    ...registerProcessCommands(sources, words),
    ...registerDeleteCommands(view, sources, new Deletions(context.workspaceState), words),
    ...registerCopyCommands(view, sources),
    ...registerGroupCommands(view, sources, timelines, words),
  )
  void sources.find()
  return { statistics }
}
