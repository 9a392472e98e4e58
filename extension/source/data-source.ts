import type { OpenOptions, Survey, Tidemark } from 'tidemark'
import type { GroupSnapshot, SourceSnapshot, SourceStatus } from '../model/snapshot.ts'
import { ReadingSchedule } from './reading-schedule.ts'

/** A data directory that is looked at. It is read as its owner left it or leaves it; only `change` writes. */
export class DataSource {
  /** Its path. */
  readonly id: string
  readonly name: string
  readonly schedule: ReadingSchedule
  #snapshot: SourceSnapshot
  #tide: Promise<Tidemark> | undefined
  #survey: Survey | undefined
  readonly #changed: (source: DataSource, failure: unknown) => void

  /** `changed` is called after every read, with what went wrong if anything did. */
  constructor(directory: string, name: string, changed: (source: DataSource, failure: unknown) => void) {
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
    this.#tide ??= openDirectory(this.id, { readOnly: true })
    const tide = await this.#tide.catch(async (error: unknown) => {
      await this.#letGo()
      throw error
    })
    // A wrong question is no reason to let go of the directory, and of all that is known of it.
    return await action(tide)
  }

  /**
   * Runs an action that changes the directory: through the program that owns it, or as its owner where nobody does.
   * @throws {TidemarkError} DIRECTORY_IN_USE at once while it belongs to somebody who takes no neighbours
   */
  async change<T>(action: (tide: Tidemark) => Promise<T>): Promise<T> {
    const tide = await openDirectory(this.id, { waitMs: 0, clientId: 'tidemark-vscode' })
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

  async #read(): Promise<boolean> {
    const before = this.#snapshot
    let { groups } = before
    let status: SourceStatus = { kind: 'read' }
    let failure: unknown
    try {
      groups = await this.use((tide) => this.#readGroups(tide))
    } catch (error) {
      failure = error
      await this.#letGo()
      status = { kind: 'unavailable', reason: error instanceof Error ? error.message : String(error) }
    }
    this.#snapshot = { id: this.id, name: this.name, status, groups, readAtMs: Date.now() }
    this.#changed(this, failure)
    return status.kind !== before.status.kind || hasMoved(before.groups, groups)
  }

  /** Costs what has changed since the last time. */
  async #readGroups(tide: Tidemark): Promise<readonly GroupSnapshot[]> {
    this.#survey ??= tide.survey()
    return await this.#survey.look()
  }

  /** The next look begins anew: what failed may have been the files of a directory that is not there any more. */
  async #letGo(): Promise<void> {
    const tide = this.#tide
    this.#tide = undefined
    this.#survey = undefined
    await tide?.then((opened) => opened.close()).catch(() => {})
  }
}

/** The SDK is loaded with the first directory: most windows that hold code hold none. */
async function openDirectory(path: string, options: OpenOptions): Promise<Tidemark> {
  const { open } = await import('tidemark')
  return await open(path, options)
}

/** Whether anything has happened, not only time passed, which moves ages and rates. */
function hasMoved(before: readonly GroupSnapshot[], after: readonly GroupSnapshot[]): boolean {
  if (before.length !== after.length) return true
  return after.some(({ group, state, rows }, index) => {
    const known = before[index]
    // Rows that say what they said are the same objects.
    return known?.group !== group || known.state !== state || known.rows !== rows
  })
}
