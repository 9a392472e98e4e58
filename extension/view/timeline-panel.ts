import { randomBytes } from 'node:crypto'
import { t } from '@vscode/l10n'
import { type Disposable, env, ViewColumn, type WebviewPanel, window } from 'vscode'
import { Pace } from '../model/pace.ts'
import type { QuantityWords } from '../model/quantity-words.ts'
import { timelineContent, timelinePage } from '../model/timeline-page.ts'
import type { RowTarget } from '../model/tree-row.ts'
import { readTimelines } from '../source/timeline-reader.ts'
import type { Sources } from './sources.ts'

/** A picture that is drawn again more often than this cannot be looked at. */
const REDRAW_EVERY_MS = 2_000

/** The commit timeline of a group, in a tab; it follows new commits while it is in sight. */
export class TimelinePanels implements Disposable {
  readonly #sources: Sources
  readonly #words: QuantityWords
  readonly #panels = new Map<
    string,
    { readonly panel: WebviewPanel; readonly target: RowTarget & { group: string }; readonly redraw: Pace }
  >()
  readonly #subscription: Disposable

  constructor(sources: Sources, words: QuantityWords) {
    this.#sources = sources
    this.#words = words
    this.#subscription = sources.onDidChange(() => {
      for (const { redraw } of this.#panels.values()) redraw.ask()
    })
  }

  /** Whether one of them is in sight. */
  get isInSight(): boolean {
    return [...this.#panels.values()].some(({ panel }) => panel.visible)
  }

  show(target: RowTarget & { group: string }): void {
    const key = JSON.stringify(target)
    const known = this.#panels.get(key)
    if (known !== undefined) {
      known.panel.reveal()
      return
    }
    const title = t('Commits of {0}', target.group)
    const panel = window.createWebviewPanel('tidemark.timeline', title, ViewColumn.Active, {
      enableFindWidget: true,
      enableScripts: true,
      localResourceRoots: [],
    })
    const redraw = new Pace(() => {
      if (panel.visible) void this.#draw(key)
    }, REDRAW_EVERY_MS)
    this.#panels.set(key, { panel, target, redraw })
    panel.onDidDispose(() => {
      redraw.dispose()
      this.#panels.delete(key)
    })
    redraw.ask()
  }

  dispose(): void {
    this.#subscription.dispose()
    for (const { panel } of this.#panels.values()) panel.dispose()
  }

  async #draw(key: string): Promise<void> {
    const shown = this.#panels.get(key)
    const source = shown && this.#sources.get(shown.target.source)
    if (shown === undefined || source === undefined) return
    const { group } = shown.target
    const timelines = await source.use((tide) => readTimelines(tide, shown.target)).catch(() => [])
    // The tab may have been closed meanwhile.
    if (!this.#panels.has(key)) return
    const content = timelineContent(group, timelines, this.#words)
    const { webview } = shown.panel
    if (webview.html !== '') {
      await webview.postMessage(content)
      return
    }
    webview.html = timelinePage(group, content, { nonce: randomBytes(16).toString('base64'), language: env.language })
  }
}
