import { type ExtensionContext, env, window } from 'vscode'
import { QuantityWords } from './model/quantity-words.ts'
import { treeRows } from './model/tree-rows.ts'
import { GroupsTree } from './view/groups-tree.ts'
import { RowDecorations } from './view/row-decorations.ts'
import { Sources } from './view/sources.ts'

export function activate(context: ExtensionContext): void {
  const sources = new Sources()
  const tree = new GroupsTree()
  const words = new QuantityWords(env.language)
  const view = window.createTreeView('tidemark.groups', { treeDataProvider: tree, showCollapseAll: true })
  const show = () => {
    tree.show(
      treeRows(
        sources.all.map(({ snapshot }) => snapshot),
        { words, nowMs: Date.now() },
      ),
    )
  }
  const look = () => {
    sources.demand = view.visible ? 'live' : 'none'
  }
  context.subscriptions.push(
    sources,
    view,
    window.registerFileDecorationProvider(new RowDecorations()),
    sources.onDidChange(show),
    view.onDidChangeVisibility(look),
  )
  look()
  void sources.find()
}
