import { randomBytes } from 'node:crypto'
import { t } from '@vscode/l10n'
import type { FileRow } from 'tidemark/inspect'
import { type CustomDocument, type CustomReadonlyEditorProvider, env, type Uri, type WebviewPanel } from 'vscode'
import { type FilePart, filePage, fileRowHtml } from '../model/file-page.ts'
import type { QuantityWords } from '../model/quantity-words.ts'

/** As many rows as a page takes at once without a pause. */
const ROWS_PER_PART = 500

/** Shows Kafka's binary files as tables, read-only. */
export class FileViewer implements CustomReadonlyEditorProvider {
  static readonly viewType = 'tidemark.file'
  readonly #words: QuantityWords

  constructor(words: QuantityWords) {
    this.#words = words
  }

  openCustomDocument(uri: Uri): CustomDocument {
    return { uri, dispose: () => {} }
  }

  async resolveCustomEditor({ uri }: CustomDocument, panel: WebviewPanel): Promise<void> {
    const { webview } = panel
    const closing = new AbortController()
    panel.onDidDispose(() => closing.abort())
    const { describeFile } = await import('tidemark/inspect')
    const rows = describeFile(uri.fsPath, { signal: closing.signal })
    const shown = { count: 0, about: '' }
    webview.options = { enableScripts: true, localResourceRoots: [] }
    webview.onDidReceiveMessage(async () => {
      const part = await this.#nextPart(rows, shown)
      if (!closing.signal.aborted) await webview.postMessage(part)
    })
    const path = uri.path.split('/').slice(-2).join('/')
    webview.html = filePage(path, { nonce: randomBytes(16).toString('base64'), language: env.language })
  }

  async #nextPart(rows: AsyncGenerator<FileRow, void>, shown: { count: number; about: string }): Promise<FilePart> {
    const html: string[] = []
    let hasMore = true
    try {
      while (html.length < ROWS_PER_PART) {
        const next = await rows.next()
        if (next.done) {
          hasMore = false
          break
        }
        if (next.value.row === 'file') shown.about = next.value.about
        html.push(fileRowHtml(next.value, this.#words))
      }
    } catch (error) {
      return { rows: html.join(''), caption: error instanceof Error ? error.message : String(error), hasMore: false }
    }
    shown.count += html.filter((row) => row !== '').length
    const count = this.#words.digits(shown.count)
    const caption = hasMore ? t('{0}; the first {1} rows', shown.about, count) : t('{0}; {1} rows', shown.about, count)
    return { rows: html.join(''), caption, hasMore }
  }
}
