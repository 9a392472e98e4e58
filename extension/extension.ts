import { type ExtensionContext, env, window } from 'vscode'
import { registerGroupCommands } from './commands/group-commands.ts'
import { registerRecordCommands } from './commands/record-commands.ts'
import { registerTreeCommands } from './commands/tree-commands.ts'
import { QuantityWords } from './model/quantity-words.ts'
import { Attention } from './view/attention.ts'
import { ConsumeLenses } from './view/consume-lenses.ts'
import { GroupsView } from './view/groups-view.ts'
import { RecordDocuments } from './view/record-documents.ts'
import { RowDecorations } from './view/row-decorations.ts'
import { Sources } from './view/sources.ts'

export function activate(context: ExtensionContext): void {
  const sources = new Sources()
  const words = new QuantityWords(env.language)
  const view = new GroupsView(sources, words)
  const lenses = new ConsumeLenses(sources, words)
  const documents = new RecordDocuments(sources, words)
  context.subscriptions.push(
    sources,
    view,
    lenses,
    documents,
    new Attention(sources, view, { lenses, documents }),
    window.registerFileDecorationProvider(new RowDecorations()),
    ...registerTreeCommands(view, sources),
    ...registerRecordCommands(view, sources, documents, words),
    ...registerGroupCommands(view, sources, words),
  )
  void sources.find()
}
