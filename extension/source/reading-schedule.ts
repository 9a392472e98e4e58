/**
 * When a directory is read. `live`: somebody looks, so at once after every change, and by a slow poll where changes are
 * not told (mounts, remotes). `summary`: only a badge or the status bar depends on it. `none`: nobody would see it.
 */
export type Demand = 'live' | 'summary' | 'none'

/** How long it waits for the next read. */
interface Waits {
  /** Between the end of a read and the next one after a change. */
  readonly restMs: number
  /** Without any change told, after a read that found something new. */
  readonly pollMs: number
  /** The same where changes have been told before, so that only some may be missed, and where nothing happens for long. */
  readonly quietPollMs: number
}

const WAITS: Record<Exclude<Demand, 'none'>, Waits> = {
  live: { restMs: 150, pollMs: 2_000, quietPollMs: 10_000 },
  summary: { restMs: 5_000, pollMs: 60_000, quietPollMs: 60_000 },
}

export class ReadingSchedule {
  readonly #read: () => Promise<boolean>
  #demand: Demand = 'none'
  #timer: NodeJS.Timeout | undefined
  #reading: Promise<unknown> | undefined
  #isTouched = true
  #isTold = false
  /** Polls in a row that found nothing new. */
  #quietPolls = 0
  #endedAtMs = Number.NEGATIVE_INFINITY

  /** `read` resolves with whether it found anything new; it must not reject, and is never called while an earlier call goes on. */
  constructor(read: () => Promise<boolean>) {
    this.#read = read
  }

  get demand(): Demand {
    return this.#demand
  }

  /** A change of what is asked for; whoever begins to look sees the present. */
  set demand(demand: Demand) {
    if (demand === this.#demand) return
    if (demand === 'live') this.#isTouched = true
    this.#demand = demand
    this.#plan()
  }

  /** Something in the directory has changed. */
  touch(): void {
    this.#isTouched = true
    this.#isTold = true
    this.#plan()
  }

  /** Reads now, whatever the demand; resolves when it is done. */
  async now(): Promise<void> {
    await this.#reading
    await this.#run()
  }

  dispose(): void {
    this.#demand = 'none'
    clearTimeout(this.#timer)
  }

  #plan(): void {
    clearTimeout(this.#timer)
    if (this.#demand === 'none' || this.#reading !== undefined) return
    const { restMs, pollMs, quietPollMs } = WAITS[this.#demand]
    const untoldMs = this.#isTold ? quietPollMs : Math.min(quietPollMs, pollMs * 2 ** this.#quietPolls)
    const dueAtMs = this.#endedAtMs + (this.#isTouched ? restMs : untoldMs)
    this.#timer = setTimeout(() => void this.#run(), Math.max(0, dueAtMs - performance.now()))
  }

  async #run(): Promise<void> {
    clearTimeout(this.#timer)
    this.#isTouched = false
    const reading = this.#read()
    this.#reading = reading
    this.#quietPolls = (await reading) ? 0 : this.#quietPolls + 1
    this.#reading = undefined
    this.#endedAtMs = performance.now()
    this.#plan()
  }
}
