import { t } from '@vscode/l10n'
import { commands, type Disposable, EventEmitter, type TreeView, window, workspace } from 'vscode'
import { overviewOf } from '../model/overview.ts'
import type { QuantityWords } from '../model/quantity-words.ts'
import type { SourceSnapshot } from '../model/snapshot.ts'
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
  readonly #tree = new GroupsTree()
  readonly #view: TreeView<TreeElement>
  readonly #status: StatusItem
  readonly #subscriptions: Disposable[]
  readonly #shown = new EventEmitter<number>()
  /** After every drawing: how many rows were drawn again. */
  readonly onDidShow = this.#shown.event
  readonly #attention = new EventEmitter<void>()
  /** Whether somebody looks has changed. */
  readonly onDidChangeAttention = this.#attention.event
  #filter = ''
  #isPaused = false

  constructor(sources: Sources, words: QuantityWords) {
    this.#sources = sources
    this.#words = words
    this.#view = window.createTreeView('tidemark.groups', { treeDataProvider: this.#tree, showCollapseAll: true })
    this.#status = new StatusItem(words)
    this.#subscriptions = [
      this.#view,
      this.#status,
      this.#shown,
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
    void commands.executeCommand('setContext', 'tidemark.isFiltered', filter !== '')
    this.show()
  }

  /** While paused nothing is read, so that numbers can be compared in peace. */
  get isPaused(): boolean {
    return this.#isPaused
  }

  set isPaused(isPaused: boolean) {
    this.#isPaused = isPaused
    void commands.executeCommand('setContext', 'tidemark.isPaused', isPaused)
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
    const drawn = this.#tree.show(rows)
    this.#describe(snapshots, rows)
    this.#shown.fire(drawn)
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose()
  }

  #describe(snapshots: readonly SourceSnapshot[], rows: readonly TreeRow[]): void {
    const overview = overviewOf(snapshots)
    const count = overview.inTrouble.length
    const tooltip = count === 1 ? t('1 group in trouble') : t('{0} groups in trouble', count)
    this.#view.badge = count > 0 && isWanted('badge') ? { value: count, tooltip } : undefined
    const notes = [
      this.#isPaused ? t('paused') : undefined,
      this.#filter === '' ? undefined : t('filter: {0}', this.#filter),
    ].filter((note) => note !== undefined)
    this.#view.description = notes.join(' · ')
    this.#status.show(snapshots.length > 0 && isWanted('statusBar') ? overview : undefined)
    const cause = emptyCause(snapshots, rows.length, {
      hasFolder: (workspace.workspaceFolders ?? []).length > 0,
      isSearched: this.#sources.isFound,
    })
    void commands.executeCommand('setContext', 'tidemark.empty', cause)
  }
}
