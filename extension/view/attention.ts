import { type Disposable, window, workspace } from 'vscode'
import type { Demand } from '../source/reading-schedule.ts'
import type { ConsumeLenses } from './consume-lenses.ts'
import type { GroupsView } from './groups-view.ts'
import type { RecordDocuments } from './record-documents.ts'
import { isWanted } from './settings.ts'
import type { Sources } from './sources.ts'
import type { TimelinePanels } from './timeline-panel.ts'

/** What shows numbers inside editors. */
interface Editors {
  readonly lenses: ConsumeLenses
  readonly documents: RecordDocuments
  readonly timelines: TimelinePanels
}

/** Has the directories read as often as somebody would see it, and not at all where nobody would. */
export class Attention implements Disposable {
  readonly #sources: Sources
  readonly #view: GroupsView
  readonly #editors: Editors
  readonly #subscriptions: Disposable[]

  constructor(sources: Sources, view: GroupsView, editors: Editors) {
    this.#sources = sources
    this.#view = view
    this.#editors = editors
    const ask = () => this.#ask()
    this.#subscriptions = [
      view.onDidChangeAttention(ask),
      editors.lenses.onDidSearch(ask),
      window.onDidChangeVisibleTextEditors(ask),
      window.tabGroups.onDidChangeTabs(ask),
      workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration('tidemark')) ask()
      }),
    ]
    ask()
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose()
  }

  #ask(): void {
    const demand = this.#demand()
    if (this.#sources.demand !== demand) this.#sources.demand = demand
  }

  #demand(): Demand {
    if (this.#view.isPaused) return 'none'
    const { lenses, documents, timelines } = this.#editors
    if (this.#view.isVisible || lenses.isInSight || documents.isFollowing || timelines.isInSight) return 'live'
    return isWanted('badge') || isWanted('statusBar') || isWanted('notifications') ? 'summary' : 'none'
  }
}
