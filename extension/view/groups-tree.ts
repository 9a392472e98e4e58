import {
  EventEmitter,
  MarkdownString,
  ThemeColor,
  ThemeIcon,
  type TreeDataProvider,
  TreeItem,
  TreeItemCollapsibleState,
} from 'vscode'
import { rowChanges } from '../model/row-changes.ts'
import type { TreeRow } from '../model/tree-row.ts'
import { decorationUri } from './row-decorations.ts'
import { TreeElement } from './tree-element.ts'

/** Shows rows, and draws again only those that have changed. */
export class GroupsTree implements TreeDataProvider<TreeElement> {
  readonly #changed = new EventEmitter<TreeElement[] | undefined>()
  readonly onDidChangeTreeData = this.#changed.event
  readonly #elements = new Map<string, TreeElement>()
  #rows: readonly TreeRow[] = []
  #roots: readonly TreeElement[] = []

  /** Takes over what is to be shown now; resolves nothing, VS Code draws in its own time. Returns how many rows changed. */
  show(rows: readonly TreeRow[]): number {
    const changes = rowChanges(this.#rows, rows)
    const gone = new Set(this.#elements.keys())
    this.#rows = rows
    this.#roots = this.#adopt(rows, undefined, gone)
    for (const id of gone) this.#elements.delete(id)
    if (changes.root) this.#changed.fire(undefined)
    else if (changes.ids.length > 0) this.#changed.fire(changes.ids.map((id) => this.#elements.get(id)!))
    return changes.ids.length
  }

  getChildren(element?: TreeElement): TreeElement[] {
    return [...(element === undefined ? this.#roots : element.children)]
  }

  getParent(element: TreeElement): TreeElement | undefined {
    return element.parent
  }

  getTreeItem({ row }: TreeElement): TreeItem {
    const collapsible = row.children.length > 0 ? TreeItemCollapsibleState.Collapsed : TreeItemCollapsibleState.None
    const item = new TreeItem(row.label, row.kind === 'source' ? TreeItemCollapsibleState.Expanded : collapsible)
    item.id = row.id
    item.description = row.description
    item.accessibilityInformation = { label: row.spoken }
    item.contextValue = row.context
    item.iconPath = new ThemeIcon(row.icon.name, row.icon.colour ? new ThemeColor(row.icon.colour) : undefined)
    item.resourceUri = decorationUri(row)
    return item
  }

  /** The tooltip only when somebody points at the row. */
  resolveTreeItem(item: TreeItem, { row }: TreeElement): TreeItem {
    item.tooltip = new MarkdownString(row.tooltip, true)
    return item
  }

  /** The element of a row that is shown, for `TreeView.reveal`. */
  element(id: string): TreeElement | undefined {
    return this.#elements.get(id)
  }

  #adopt(rows: readonly TreeRow[], parent: TreeElement | undefined, gone: Set<string>): readonly TreeElement[] {
    return rows.map((row) => {
      const element = this.#elements.get(row.id) ?? new TreeElement(row, parent)
      this.#elements.set(row.id, element)
      gone.delete(row.id)
      element.row = row
      element.parent = parent
      element.children = this.#adopt(row.children, element, gone)
      return element
    })
  }
}
