import { type ExtensionContext, env, window } from 'vscode'
import { registerTreeCommands } from './commands/tree-commands.ts'
import { QuantityWords } from './model/quantity-words.ts'
import { GroupsView } from './view/groups-view.ts'
import { RowDecorations } from './view/row-decorations.ts'
import { Sources } from './view/sources.ts'

export function activate(context: ExtensionContext): void {
  const sources = new Sources()
  const view = new GroupsView(sources, new QuantityWords(env.language))
  context.subscriptions.push(
    sources,
    view,
    window.registerFileDecorationProvider(new RowDecorations()),
    ...registerTreeCommands(view, sources),
  )
  void sources.find()
}
