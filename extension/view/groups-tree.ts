import {
  type Disposable,
  EventEmitter,
  MarkdownString,
  ThemeColor,
  ThemeIcon,
  type TreeDataProvider,
  TreeItem,
  TreeItemCollapsibleState,
} from 'vscode'
import { Pace } from '../model/pace.ts'
import { rowChanges } from '../model/row-changes.ts'
import type { Statistics } from '../model/statistics.ts'
import type { TreeRow } from '../model/tree-row.ts'
import { decorationUri } from './row-decorations.ts'
import { TreeElement } from './tree-element.ts'

/** A row that is drawn again loses its tooltip: so long that may be read before new words in it are reason enough. */
const TOOLTIP_IS_READ_MS = 30_000
/**
 * VS Code waits until nothing was said for 200 ms before it draws: told more often than that, for as long as a busy program
 * commits, it would never draw.
 */
const DRAW_EVERY_MS = 250

/** Shows rows, and draws again only those that have changed. */
export class GroupsTree implements TreeDataProvider<TreeElement>, Disposable {
  readonly #changed = new EventEmitter<TreeElement[] | undefined>()
  readonly onDidChangeTreeData = this.#changed.event
  readonly #elements = new Map<string, TreeElement>()
  readonly #statistics: Statistics
  /** Tooltips that VS Code keeps until the row is drawn again. */
  readonly #tooltips = new Map<string, { readonly text: string; readonly askedAtMs: number }>()
  readonly #draw = new Pace(() => this.#tell(), DRAW_EVERY_MS)
  /** What VS Code was not told yet: ids of rows, and whether the top level is another. */
  readonly #untold = new Set<string>()
  #isRootUntold = false
  #rows: readonly TreeRow[] = []
  #roots: readonly TreeElement[] = []

  constructor(statistics: Statistics) {
    this.#statistics = statistics
  }

  /** Takes over what is to be shown now; VS Code draws in its own time. */
  show(rows: readonly TreeRow[]): void {
    const changes = rowChanges(this.#rows, rows)
    const gone = new Set(this.#elements.keys())
    this.#rows = rows
    this.#roots = this.#adopt(rows, undefined, gone)
    for (const id of gone) this.#elements.delete(id)
    for (const id of [...changes.ids, ...this.#outdatedTooltips()]) this.#untold.add(id)
    this.#isRootUntold ||= changes.root
    if (this.#isRootUntold || this.#untold.size > 0) this.#draw.ask()
  }

  dispose(): void {
    this.#draw.dispose()
    this.#changed.dispose()
  }

  getChildren(element?: TreeElement): TreeElement[] {
    return [...(element === undefined ? this.#roots : element.children)]
  }

  getParent(element: TreeElement): TreeElement | undefined {
    return element.parent
  }

  getTreeItem(element: TreeElement): TreeItem {
    const { row } = element
    element.isDrawn = true
    forgetBelow(element)
    this.#statistics.drawnRows++
    this.#tooltips.delete(row.id)
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
    this.#tooltips.set(row.id, { text: row.tooltip, askedAtMs: performance.now() })
    return item
  }

  /** The element of a row that is shown, for `TreeView.reveal`. */
  element(id: string): TreeElement | undefined {
    return this.#elements.get(id)
  }

  #tell(): void {
    const isRoot = this.#isRootUntold
    const changed = [...this.#untold].flatMap((id) => this.#elements.get(id) ?? []).filter(({ isDrawn }) => isDrawn)
    this.#isRootUntold = false
    this.#untold.clear()
    this.#statistics.changedRows += changed.length
    if (isRoot) this.#changed.fire(undefined)
    else if (changed.length > 0) this.#changed.fire(changed)
  }

  /** Rows whose tooltip was asked for, has been read by now, and would say something else. */
  #outdatedTooltips(): readonly string[] {
    const readBeforeMs = performance.now() - TOOLTIP_IS_READ_MS
    return [...this.#tooltips].flatMap(([id, { text, askedAtMs }]) => {
      const element = this.#elements.get(id)
      if (element === undefined) this.#tooltips.delete(id)
      return element !== undefined && askedAtMs < readBeforeMs && element.row.tooltip !== text ? [id] : []
    })
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

/** VS Code lets go of what lies below a row that it draws: it asks for it anew where the row is expanded. */
function forgetBelow({ children }: TreeElement): void {
  for (const child of children) {
    if (!child.isDrawn) continue
    child.isDrawn = false
    forgetBelow(child)
  }
}
