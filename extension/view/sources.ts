import { type Disposable, EventEmitter, type LogOutputChannel, RelativePattern, Uri, workspace } from 'vscode'
import type { Statistics } from '../model/statistics.ts'
import { DataSource } from '../source/data-source.ts'
import { directoriesOf, directoryName, IDENTITY_FILE } from '../source/directory-name.ts'
import type { Demand } from '../source/reading-schedule.ts'

const EXCLUDED = '**/node_modules/**'
const FOUND_AT_MOST = 100

/** The data directories of the workspace, found by their files, and those that the settings add. */
export class Sources implements Disposable {
  readonly #changed = new EventEmitter<void>()
  /** A source came, went, or was read. */
  readonly onDidChange = this.#changed.event
  readonly #sources = new Map<string, { readonly source: DataSource; readonly watcher: Disposable }>()
  readonly #subscriptions: Disposable[] = []
  readonly #log: LogOutputChannel
  readonly #statistics: Statistics
  #demand: Demand = 'none'
  #isFound = false

  constructor(log: LogOutputChannel, statistics: Statistics) {
    this.#log = log
    this.#statistics = statistics
    const watcher = workspace.createFileSystemWatcher(`**/${IDENTITY_FILE}`, false, true, false)
    const find = () => void this.find()
    this.#subscriptions.push(
      watcher,
      watcher.onDidCreate(find),
      watcher.onDidDelete(find),
      workspace.onDidChangeWorkspaceFolders(find),
      workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration('tidemark.directories')) find()
      }),
    )
  }

  /** By path. */
  get all(): readonly DataSource[] {
    return [...this.#sources.values()].map(({ source }) => source).sort((a, b) => (a.id < b.id ? -1 : 1))
  }

  get(id: string): DataSource | undefined {
    return this.#sources.get(id)?.source
  }

  /** Whether the workspace has been searched: before that, no source does not mean that there is none. */
  get isFound(): boolean {
    return this.#isFound
  }

  /** How often they are read. */
  get demand(): Demand {
    return this.#demand
  }

  set demand(demand: Demand) {
    this.#demand = demand
    for (const { source } of this.#sources.values()) source.schedule.demand = demand
  }

  /** Searches the workspace again. */
  async find(): Promise<void> {
    const files = await workspace.findFiles(`**/${IDENTITY_FILE}`, EXCLUDED, FOUND_AT_MOST)
    const found = directoriesOf(files.filter(({ scheme }) => scheme === 'file').map(({ fsPath }) => fsPath))
    const wanted = new Set([...found, ...addedDirectories()])
    for (const [id, { source, watcher }] of this.#sources) {
      if (wanted.has(id)) continue
      this.#sources.delete(id)
      watcher.dispose()
      void source.dispose()
    }
    for (const directory of wanted) if (!this.#sources.has(directory)) this.#add(directory)
    this.#isFound = true
    this.#changed.fire()
  }

  /** Reads all of them now. */
  async refresh(): Promise<void> {
    await Promise.all(this.all.map((source) => source.schedule.now()))
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose()
    for (const { source, watcher } of this.#sources.values()) {
      watcher.dispose()
      void source.dispose()
    }
    this.#changed.dispose()
  }

  #read(directory: string, failure: unknown): void {
    this.#statistics.reads++
    if (failure !== undefined) this.#log.warn(`${directory} could not be read`, failure)
    this.#changed.fire()
  }

  #add(directory: string): void {
    this.#log.info(`${directory} is shown`)
    const folders = (workspace.workspaceFolders ?? []).map(({ uri }) => uri.fsPath)
    const source = new DataSource(directory, directoryName(directory, folders), (_, failure) =>
      this.#read(directory, failure),
    )
    const watcher = workspace.createFileSystemWatcher(new RelativePattern(Uri.file(directory), '**/*.log'))
    const touch = () => source.schedule.touch()
    watcher.onDidChange(touch)
    watcher.onDidCreate(touch)
    watcher.onDidDelete(touch)
    this.#sources.set(directory, { source, watcher })
    source.schedule.demand = this.#demand
  }
}

/** Paths of the setting, `~` and workspace-relative ones made absolute. */
function addedDirectories(): readonly string[] {
  const paths = workspace.getConfiguration('tidemark').get<readonly string[]>('directories', [])
  const base = workspace.workspaceFolders?.[0]?.uri
  return paths.map((path) => {
    if (path.startsWith('/') || /^[a-zA-Z]:[\\/]/.test(path) || base === undefined) return Uri.file(path).fsPath
    return Uri.joinPath(base, path).fsPath
  })
}
