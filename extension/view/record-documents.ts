import { t } from '@vscode/l10n'
import {
  type Disposable,
  EventEmitter,
  languages,
  Position,
  Range,
  Selection,
  type TextDocumentContentProvider,
  TextEditorRevealType,
  Uri,
  window,
  workspace,
} from 'vscode'
import type { QuantityWords } from '../model/quantity-words.ts'
import { placeOfQuery, placeTitle, placeToQuery, type RecordPlace } from '../model/record-place.ts'
import { markedLine, recordText } from '../model/record-text.ts'
import { readAround } from '../source/record-reader.ts'
import type { Sources } from './sources.ts'

const SCHEME = 'tidemark-record'

/** Records as read-only documents. */
export class RecordDocuments implements TextDocumentContentProvider, Disposable {
  readonly #sources: Sources
  readonly #words: QuantityWords
  readonly #changed = new EventEmitter<Uri>()
  readonly onDidChange = this.#changed.event
  readonly #subscriptions: Disposable[]

  constructor(sources: Sources, words: QuantityWords) {
    this.#sources = sources
    this.#words = words
    this.#subscriptions = [
      this.#changed,
      workspace.registerTextDocumentContentProvider(SCHEME, this),
      sources.onDidChange(() => this.#follow()),
    ]
  }

  /** Whether somebody looks at the end of a partition, where new records appear. */
  get isFollowing(): boolean {
    return window.visibleTextEditors.some(({ document }) => isEnd(document.uri))
  }

  async provideTextDocumentContent(uri: Uri): Promise<string> {
    const place = placeOfQuery(uri.query)
    const source = this.#sources.get(place.source)
    if (source === undefined) return `// ${t('The data directory {0} is not shown any more.', place.source)}\n`
    try {
      return recordText(place, await source.use((tide) => readAround(tide, place)), this.#words)
    } catch (error) {
      return `// ${placeTitle(place)}\n// ${error instanceof Error ? error.message : String(error)}\n`
    }
  }

  /** Opens the record, or its next neighbour, and goes to it. */
  async show(place: RecordPlace): Promise<void> {
    const path = `/${placeTitle(place)}`
    const uri = Uri.from({ scheme: SCHEME, path, query: placeToQuery(place) })
    this.#changed.fire(uri)
    const document = await workspace.openTextDocument(uri)
    await languages.setTextDocumentLanguage(document, 'jsonl')
    const editor = await window.showTextDocument(document, { preview: true })
    const at = new Position(markedLine(document.getText()), 0)
    editor.selection = new Selection(at, at)
    editor.revealRange(new Range(at, at), TextEditorRevealType.InCenterIfOutsideViewport)
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose()
  }

  #follow(): void {
    for (const { uri } of workspace.textDocuments) if (isEnd(uri)) this.#changed.fire(uri)
  }
}

function isEnd(uri: Uri): boolean {
  return uri.scheme === SCHEME && placeOfQuery(uri.query).offset === 'end'
}
