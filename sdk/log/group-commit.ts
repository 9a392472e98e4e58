/** Work that is worth sharing: one piece is under way at a time, and whoever asks meanwhile shares the next one. */
export class GroupCommit {
  readonly #work: () => Promise<void>
  #running: Promise<void> | undefined
  #next: Promise<void> | undefined

  constructor(work: () => Promise<void>) {
    this.#work = work
  }

  /** Resolves when work that began after this call is done. */
  run(): Promise<void> {
    if (this.#running === undefined) return this.#start()
    this.#next ??= this.#running.then(
      () => {
        this.#next = undefined
        return this.#start()
      },
      (error: unknown) => {
        this.#next = undefined
        throw error
      },
    )
    return this.#next
  }

  #start(): Promise<void> {
    const running = this.#work()
    this.#running = running
    const done = (): void => {
      if (this.#running === running) this.#running = undefined
    }
    running.then(done, done)
    return running
  }
}
