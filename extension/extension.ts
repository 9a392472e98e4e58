import * as vscode from 'vscode'

/** The view has nothing to show yet: its welcome text (package.json) says that the inspector comes with a later version. */
class EmptyTree implements vscode.TreeDataProvider<never> {
  getChildren(): never[] {
    return []
  }
  getTreeItem(element: never): vscode.TreeItem {
    return element
  }
}

export function activate(context: vscode.ExtensionContext): void {
  context.subscriptions.push(vscode.window.registerTreeDataProvider('tidemark.groups', new EmptyTree()))
}
