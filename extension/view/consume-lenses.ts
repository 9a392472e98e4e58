import { t } from '@vscode/l10n'
import {
  CodeLens,
  type CodeLensProvider,
  type Disposable,
  EventEmitter,
  languages,
  Range,
  type TextDocument,
  window,
  workspace,
} from 'vscode'
import type { ConsumeCall } from '../lens/consume-call.ts'
import { findConsumeCalls } from '../lens/consume-calls.ts'
import { groupsNamed, lensWords } from '../model/lens-words.ts'
import type { QuantityWords } from '../model/quantity-words.ts'
import type { Sources } from './sources.ts'

const LANGUAGES = ['typescript', 'typescriptreact', 'javascript', 'javascriptreact']

const REDRAW_EVERY_MS = 1_000

interface Found {
  readonly version: number
  readonly calls: readonly ConsumeCall[]
}

/** Lag above the lines that consume. */
export class ConsumeLenses implements CodeLensProvider<ConsumeLens>, Disposable {
  readonly #sources: Sources
  readonly #words: QuantityWords
  readonly #changed = new EventEmitter<void>()
  readonly onDidChangeCodeLenses = this.#changed.event
  readonly #searched = new EventEmitter<void>()
  /** A text was searched for its calls, which may have changed `isInSight`. */
  readonly onDidSearch = this.#searched.event
  /** What the texts hold that the editor has asked about, by address. */
  readonly #found = new Map<string, Found>()
  readonly #subscriptions: Disposable[]
  #texts = ''
  #isAsked = false
  #drawnAtMs = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | undefined

  constructor(sources: Sources, words: QuantityWords) {
    this.#sources = sources
    this.#words = words
    this.#subscriptions = [
      languages.registerCodeLensProvider(LANGUAGES, this),
      this.#changed,
      this.#searched,
      sources.onDidChange(() => this.#compare()),
      workspace.onDidCloseTextDocument((document) => this.#found.delete(document.uri.toString())),
      workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration('tidemark.codeLens')) this.#changed.fire()
      }),
    ]
  }

  /** Whether lag stands above a line that somebody sees. */
  get isInSight(): boolean {
    return window.visibleTextEditors.some(({ document }) => this.#known(document).length > 0)
  }

  async provideCodeLenses(document: TextDocument): Promise<ConsumeLens[]> {
    this.#isAsked = true
    const calls = await this.#search(document)
    this.#searched.fire()
    return calls.flatMap((call) => [
      new ConsumeLens(call, 'lag'),
      ...(call.group.kind === 'literal' ? [new ConsumeLens(call, 'next')] : []),
    ])
  }

  /** The text comes last, so that new numbers do not move the lines. */
  resolveCodeLens(lens: ConsumeLens): ConsumeLens {
    const { group, topics } = lens.call
    if (group.kind === 'expression') {
      lens.command = {
        command: 'tidemark.pickGroup',
        title: t('lag of the group {0}…', group.text.replaceAll(/\s+/g, ' ').slice(0, 40)),
        arguments: [topics],
      }
    } else if (lens.what === 'next') {
      lens.command = { command: 'tidemark.showNextRecord', title: t('next record'), arguments: [group.name, topics] }
    } else {
      const found = groupsNamed(group.name, topics, this.#snapshots())
      const title = lensWords(group.name, found, this.#words)
      lens.command = { command: 'tidemark.revealGroup', title, arguments: [group.name] }
    }
    return lens
  }

  dispose(): void {
    clearTimeout(this.#timer)
    for (const subscription of this.#subscriptions) subscription.dispose()
  }

  #known({ uri }: TextDocument): readonly ConsumeCall[] {
    return this.#found.get(uri.toString())?.calls ?? []
  }

  async #search(document: TextDocument): Promise<readonly ConsumeCall[]> {
    const { uri, version } = document
    const key = uri.toString()
    if (!workspace.getConfiguration('tidemark', uri).get('codeLens.enabled', true)) {
      this.#found.delete(key)
      return []
    }
    if (this.#found.get(key)?.version === version) return this.#known(document)
    const found = await findConsumeCalls(document.getText(), document.fileName)
    // While a text cannot be parsed, the lenses stay where they were: an empty answer would make the editor jump.
    const calls = found ?? this.#known(document)
    if (!document.isClosed) this.#found.set(key, { version, calls })
    return calls
  }

  /**
   * Draws again only if a text has changed, and only once the editor has asked for the last change: it waits for a pause
   * between changes before it asks, so a stream of them would keep it from asking at all.
   */
  #compare(): void {
    clearTimeout(this.#timer)
    if (!this.#isAsked) return
    const waitMs = this.#drawnAtMs + REDRAW_EVERY_MS - performance.now()
    if (waitMs > 0) {
      this.#timer = setTimeout(() => this.#compare(), waitMs)
      return
    }
    const joined = this.#textsOfAll()
    if (joined === this.#texts) return
    this.#texts = joined
    this.#drawnAtMs = performance.now()
    this.#isAsked = false
    this.#changed.fire()
  }

  #textsOfAll(): string {
    const calls = [...this.#found.values()].flatMap((found) => found.calls)
    const texts = calls.map(({ group, topics }) =>
      group.kind === 'literal'
        ? lensWords(group.name, groupsNamed(group.name, topics, this.#snapshots()), this.#words)
        : '',
    )
    return texts.join('\n')
  }

  #snapshots() {
    return this.#sources.all.map(({ snapshot }) => snapshot)
  }
}

class ConsumeLens extends CodeLens {
  readonly call: ConsumeCall
  readonly what: 'lag' | 'next'

  constructor(call: ConsumeCall, what: 'lag' | 'next') {
    super(new Range(call.line, call.column, call.line, call.column))
    this.call = call
    this.what = what
  }
}
