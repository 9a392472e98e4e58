import { t } from '@vscode/l10n'
import { type Disposable, StatusBarAlignment, type StatusBarItem, ThemeColor, window } from 'vscode'
import { type Overview, overviewWords } from '../model/overview.ts'
import type { QuantityWords } from '../model/quantity-words.ts'

/** One item in the status bar: whether everything is well, and the way to the tree. */
export class StatusItem implements Disposable {
  readonly #words: QuantityWords
  readonly #item: StatusBarItem
  #shown = ''

  constructor(words: QuantityWords) {
    this.#words = words
    this.#item = window.createStatusBarItem('tidemark.status', StatusBarAlignment.Left)
    this.#item.name = 'Tidemark'
    this.#item.command = 'tidemark.groups.focus'
  }

  /** undefined: there is nothing to say, or nobody wants to hear it. */
  show(overview: Overview | undefined): void {
    const words = overview === undefined ? '' : overviewWords(overview, this.#words)
    const shown = `${overview?.trouble} ${words}`
    // Every assignment is a message to the window.
    if (shown === this.#shown) return
    this.#shown = shown
    if (overview === undefined) {
      this.#item.hide()
      return
    }
    this.#item.text = `$(${overview.trouble === 'none' ? 'pulse' : 'warning'}) ${words}`
    this.#item.tooltip = t('Tidemark: {0}. Show the consumer groups.', words)
    this.#item.accessibilityInformation = { label: t('Tidemark: {0}', words), role: 'button' }
    this.#item.backgroundColor =
      overview.trouble === 'error' ? new ThemeColor('statusBarItem.warningBackground') : undefined
    this.#item.show()
  }

  dispose(): void {
    this.#item.dispose()
  }
}
