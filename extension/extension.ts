import { type ExtensionContext, env, window } from 'vscode'
import { registerGroupCommands } from './commands/group-commands.ts'
import { registerTreeCommands } from './commands/tree-commands.ts'
import { QuantityWords } from './model/quantity-words.ts'
import { Attention } from './view/attention.ts'
import { ConsumeLenses } from './view/consume-lenses.ts'
import { GroupsView } from './view/groups-view.ts'
import { RowDecorations } from './view/row-decorations.ts'
import { Sources } from './view/sources.ts'

export function activate(context: ExtensionContext): void {
  const sources = new Sources()
  const words = new QuantityWords(env.language)
  const view = new GroupsView(sources, words)
  const lenses = new ConsumeLenses(sources, words)
  context.subscriptions.push(
    sources,
    view,
    lenses,
    new Attention(sources, view, lenses),
    window.registerFileDecorationProvider(new RowDecorations()),
    ...registerTreeCommands(view, sources),
    ...registerGroupCommands(view, sources, words),
  )
  void sources.find()
}
