import { t } from '@vscode/l10n'
import { commands, type Disposable, EventEmitter, type TreeView, window, workspace } from 'vscode'
import { overviewOf } from '../model/overview.ts'
import type { QuantityWords } from '../model/quantity-words.ts'
import type { SourceSnapshot } from '../model/snapshot.ts'
import type { Statistics } from '../model/statistics.ts'
import type { TreeRow } from '../model/tree-row.ts'
import { treeRows } from '../model/tree-rows.ts'
import { emptyCause } from '../model/view-state.ts'
import { GroupsTree } from './groups-tree.ts'
import { isWanted } from './settings.ts'
import type { Sources } from './sources.ts'
import { StatusItem } from './status-item.ts'
import type { TreeElement } from './tree-element.ts'
import { lookOfSettings } from './tree-look-settings.ts'

/** Everything that shows how the groups are: the tree, its badge, its welcome texts, the status bar. */
export class GroupsView implements Disposable {
  readonly #sources: Sources
  readonly #words: QuantityWords
  readonly #tree: GroupsTree
  readonly #view: TreeView<TreeElement>
  readonly #status: StatusItem
  readonly #subscriptions: Disposable[]
  readonly #attention = new EventEmitter<void>()
  /** Whether somebody looks has changed. */
  readonly onDidChangeAttention = this.#attention.event
  /** What `when` clauses of the manifest ask for. */
  readonly #context = new Map<string, string | boolean>()
  #filter = ''
  #isPaused = false

  constructor(sources: Sources, words: QuantityWords, statistics: Statistics) {
    this.#sources = sources
    this.#words = words
    this.#tree = new GroupsTree(statistics)
    this.#view = window.createTreeView('tidemark.groups', { treeDataProvider: this.#tree, showCollapseAll: true })
    this.#status = new StatusItem(words)
    this.#subscriptions = [
      this.#view,
      this.#tree,
      this.#status,
      sources.onDidChange(() => this.show()),
      this.#attention,
      this.#view.onDidChangeVisibility(() => this.#attention.fire()),
      workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration('tidemark')) this.show()
      }),
    ]
    this.show()
  }

  get isVisible(): boolean {
    return this.#view.visible
  }

  get filter(): string {
    return this.#filter
  }

  set filter(filter: string) {
    this.#filter = filter
    this.#setContext('tidemark.isFiltered', filter !== '')
    this.show()
  }

  /** While paused nothing is read, so that numbers can be compared in peace. */
  get isPaused(): boolean {
    return this.#isPaused
  }

  set isPaused(isPaused: boolean) {
    this.#isPaused = isPaused
    this.#setContext('tidemark.isPaused', isPaused)
    this.#attention.fire()
    this.show()
  }

  /** The row that is selected, or the only one. */
  get selected(): TreeRow | undefined {
    return this.#view.selection[0]?.row
  }

  /** Selects a row and brings it into sight. */
  async reveal(id: string): Promise<void> {
    const element = this.#tree.element(id)
    if (element !== undefined) await this.#view.reveal(element, { select: true, focus: true, expand: true })
  }

  /** Draws what the sources hold. */
  show(): void {
    const snapshots = this.#sources.all.map(({ snapshot }) => snapshot)
    const rows = treeRows(snapshots, lookOfSettings(this.#filter), { words: this.#words, nowMs: Date.now() })
    this.#tree.show(rows)
    this.#describe(snapshots, rows)
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose()
  }

  /** VS Code is told only what it does not know: every message costs it more than a look at the directories. */
  #describe(snapshots: readonly SourceSnapshot[], rows: readonly TreeRow[]): void {
    const overview = overviewOf(snapshots)
    const count = overview.inTrouble.length
    const tooltip = count === 1 ? t('1 group in trouble') : t('{0} groups in trouble', count)
    const badge = count > 0 && isWanted('badge') ? { value: count, tooltip } : undefined
    if (this.#view.badge?.value !== badge?.value) this.#view.badge = badge
    const notes = [
      this.#isPaused ? t('paused') : undefined,
      this.#filter === '' ? undefined : t('filter: {0}', this.#filter),
    ].filter((note) => note !== undefined)
    const description = notes.join(' · ')
    if (this.#view.description !== description) this.#view.description = description
    this.#status.show(snapshots.length > 0 && isWanted('statusBar') ? overview : undefined)
    const cause = emptyCause(snapshots, rows.length, {
      hasFolder: (workspace.workspaceFolders ?? []).length > 0,
      isSearched: this.#sources.isFound,
    })
    this.#setContext('tidemark.empty', cause)
  }

  #setContext(key: string, value: string | boolean): void {
    if (this.#context.get(key) === value) return
    this.#context.set(key, value)
    void commands.executeCommand('setContext', key, value)
  }
}
