import { open, type Tidemark, TidemarkError } from 'tidemark'
import type { GroupSnapshot, SourceSnapshot, SourceStatus } from '../model/snapshot.ts'
import { ReadingSchedule } from './reading-schedule.ts'

/** A data directory that is looked at. It is read as its owner left it or leaves it, and never written. */
export class DataSource {
  /** Its path. */
  readonly id: string
  readonly name: string
  readonly schedule: ReadingSchedule
  #snapshot: SourceSnapshot
  #tide: Promise<Tidemark> | undefined
  readonly #changed: (source: DataSource) => void

  /** `changed` is called after every read. */
  constructor(directory: string, name: string, changed: (source: DataSource) => void) {
    this.id = directory
    this.name = name
    this.#changed = changed
    this.#snapshot = { id: directory, name, status: { kind: 'reading' }, groups: [], readAtMs: 0 }
    this.schedule = new ReadingSchedule(() => this.#read())
  }

  get snapshot(): SourceSnapshot {
    return this.#snapshot
  }

  /** Runs an action on the directory, opened for reading. */
  async use<T>(action: (tide: Tidemark) => Promise<T>): Promise<T> {
    this.#tide ??= open(this.id, { readOnly: true })
    try {
      return await action(await this.#tide)
    } catch (error) {
      await this.#letGo()
      throw error
    }
  }

  /**
   * Runs an action as the owner of the directory, which nobody else may be meanwhile, and lets go of it.
   * @throws {TidemarkError} DIRECTORY_IN_USE at once while a program owns it
   */
  async own<T>(action: (tide: Tidemark) => Promise<T>): Promise<T> {
    const tide = await open(this.id, { waitMs: 0, clientId: 'tidemark-vscode' })
    try {
      return await action(tide)
    } finally {
      await tide.close()
      await this.schedule.now()
    }
  }

  async dispose(): Promise<void> {
    this.schedule.dispose()
    await this.#letGo()
  }

  async #read(): Promise<void> {
    const [groups, status] = await this.use(readGroups).then(
      (found): [readonly GroupSnapshot[], SourceStatus] => [found, { kind: 'read' }],
      (error: unknown): [readonly GroupSnapshot[], SourceStatus] => [
        this.#snapshot.groups,
        { kind: 'unavailable', reason: reasonOf(error) },
      ],
    )
    this.#snapshot = { id: this.id, name: this.name, status, groups, readAtMs: Date.now() }
    this.#changed(this)
  }

  /** The next look begins anew: what failed may have been the files of a directory that is not there any more. */
  async #letGo(): Promise<void> {
    const tide = this.#tide
    this.#tide = undefined
    await tide?.then((opened) => opened.close()).catch(() => {})
  }
}

async function readGroups(tide: Tidemark): Promise<readonly GroupSnapshot[]> {
  const listed = await tide.groups.list()
  const rows = Map.groupBy(await tide.lag(), ({ group }) => group)
  return listed.map(({ group, type, state }) => ({ group, type, state, rows: rows.get(group) ?? [] }))
}

function reasonOf(error: unknown): string {
  if (error instanceof TidemarkError || error instanceof Error) return error.message
  return String(error)
}
