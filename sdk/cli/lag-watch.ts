import type { LagRow } from '../client/lag.ts'
import { TidemarkError } from '../errors.ts'
import type { GroupHealth } from '../inspect/group-health.ts'
import type { Health } from '../inspect/health.ts'
import { worstOf } from '../inspect/health-verdict.ts'
import type { Survey } from '../inspect/survey.ts'
import { type Onlooking, openAsOnlooker } from '../open.ts'
import type { Terminal } from './terminal.ts'

/** What one look at the directory found. */
export interface Look {
  /** Milliseconds since 1970. */
  readonly atMs: number
  /** undefined where the directory could not be read. */
  readonly health: Health | undefined
  /** Why not. */
  readonly problem: string | undefined
  /** Process id of the program that has it open for writing; null: nobody has; undefined: it cannot be told. */
  readonly owner: number | null | undefined
  /** Whether that program told; else its files did. */
  readonly isFromOwner: boolean
}

interface Opened extends Onlooking {
  readonly survey: Survey
  readonly inode: bigint
}

/** Often enough to look alive, seldom enough to be left on for a night. */
const INTERVAL_MS = 1000
/** What takes long, since there is much to read or its owner is busy, is asked less often: it has so many times that for itself. */
const REST_PART = 2

/** Looks at a directory again and again, until the signal aborts. May go away and come back. */
export class LagWatch {
  readonly #terminal: Terminal
  readonly #directory: string
  readonly #question: { readonly group?: string }
  readonly #signal: AbortSignal
  #opened: Opened | undefined

  constructor(
    terminal: Terminal,
    directory: string,
    question: { readonly group?: string; readonly signal: AbortSignal },
  ) {
    const { signal, ...rest } = question
    this.#terminal = terminal
    this.#directory = directory
    this.#question = rest
    this.#signal = signal
  }

  async *looks(): AsyncGenerator<Look> {
    const { clock } = this.#terminal.environment
    try {
      while (!this.#signal.aborted) {
        const startMs = clock.monotonicMs()
        yield await this.#look()
        const tookMs = clock.monotonicMs() - startMs
        await this.#pause(Math.max(INTERVAL_MS, tookMs * REST_PART))
      }
    } finally {
      await this.#close()
    }
  }

  async #look(): Promise<Look> {
    const { environment } = this.#terminal
    const atMs = environment.clock.nowMs()
    try {
      const { survey, onlooker } = await this.#open()
      const health = await this.#health(survey, atMs)
      return { atMs, health, problem: undefined, owner: onlooker.ownerPid, isFromOwner: onlooker.hasOwner }
    } catch (error) {
      if (!(error instanceof TidemarkError)) throw error
      // Whatever was known of it may be about another directory by the time it is back.
      await this.#close()
      return { atMs, health: undefined, problem: error.message, owner: undefined, isFromOwner: false }
    }
  }

  /** @throws {TidemarkError} GROUP_NOT_FOUND */
  async #health(survey: Survey, atMs: number): Promise<Health> {
    const groups = (await survey.look()).map(({ health }) => health)
    const { group } = this.#question
    if (group !== undefined && groups.length === 0) {
      throw new TidemarkError('GROUP_NOT_FOUND', `There is no group "${group}".`)
    }
    return { status: worstOf(groups.map(({ status }) => status)), groups, atMs }
  }

  async #open(): Promise<Opened> {
    const { environment } = this.#terminal
    const inode = environment.files.stat(this.#directory)?.inode
    if (inode !== this.#opened?.inode) await this.#close()
    if (inode === undefined) {
      throw new TidemarkError('NOT_A_DATA_DIRECTORY', `There is no directory ${this.#directory} at the moment.`)
    }
    if (this.#opened === undefined) {
      const opened = openAsOnlooker(this.#directory, { environment, clientId: 'tidemark-cli' })
      this.#opened = { ...opened, survey: opened.tide.survey(this.#question), inode }
    }
    return this.#opened
  }

  async #close(): Promise<void> {
    const opened = this.#opened
    this.#opened = undefined
    await opened?.tide.close()
  }

  #pause(delayMs: number): Promise<void> {
    const { timers } = this.#terminal.environment
    const signal = this.#signal
    return new Promise((resolve) => {
      const timer = timers.after(delayMs, end, { keepAlive: true })
      function end(): void {
        timer.cancel()
        signal.removeEventListener('abort', end)
        resolve()
      }
      signal.addEventListener('abort', end)
      if (signal.aborted) end()
    })
  }
}

/** Something that is not as it was at the look before. */
export type Change =
  | { readonly kind: 'row'; readonly row: LagRow; readonly before: LagRow | undefined }
  | { readonly kind: 'row-gone'; readonly row: LagRow }
  | { readonly kind: 'verdict'; readonly verdict: GroupHealth['verdicts'][number] }
  | { readonly kind: 'owner'; readonly owner: number | null | undefined }
  | { readonly kind: 'problem'; readonly problem: string | undefined }

/** `seen`: the last look that saw something, if there was any; `before`: the look before. */
export function changesSince(seen: Look | undefined, before: Look | undefined, now: Look): Change[] {
  const changes: Change[] = []
  if (before?.problem !== now.problem) changes.push({ kind: 'problem', problem: now.problem })
  if (now.health === undefined) return before === undefined ? changes : changes.filter(({ kind }) => kind === 'problem')
  if (seen !== undefined && seen.owner !== now.owner) changes.push({ kind: 'owner', owner: now.owner })
  const old = new Map(rowsOf(seen).map((row) => [keyOf(row), row]))
  for (const row of rowsOf(now)) {
    const was = old.get(keyOf(row))
    if (was === undefined || JSON.stringify(was) !== JSON.stringify(row)) {
      changes.push({ kind: 'row', row, before: was })
    }
    old.delete(keyOf(row))
  }
  for (const row of old.values()) changes.push({ kind: 'row-gone', row })
  const known = new Set(verdictsOf(seen).map(verdictKey))
  for (const verdict of verdictsOf(now)) if (!known.has(verdictKey(verdict))) changes.push({ kind: 'verdict', verdict })
  return before === undefined ? changes.filter(({ kind }) => kind !== 'problem') : changes
}

export function rowsOf(look: Look | undefined): readonly LagRow[] {
  return (look?.health?.groups ?? []).flatMap(({ partitions }) => partitions.map(({ row }) => row))
}

function verdictsOf(look: Look | undefined): GroupHealth['verdicts'] {
  return (look?.health?.groups ?? []).flatMap(({ verdicts }) => verdicts)
}

function keyOf({ group, topic, partition }: LagRow): string {
  return JSON.stringify([group, topic, partition])
}

function verdictKey({ group, rule, topic, partition }: GroupHealth['verdicts'][number]): string {
  return JSON.stringify([group, rule, topic, partition])
}
