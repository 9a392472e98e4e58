import { TidemarkError } from '../errors.ts'
import { isOutOfDescriptors, storageError } from './storage-error.ts'

/** Whether a log may still be written to, and in which words it says why not. */
export class LogHealth {
  isClosed = false
  /** Closing has begun: nothing more is written. */
  isEnding = false
  /** Why nothing can be written any more; undefined as long as it can. */
  failure: TidemarkError | undefined
  private readonly place: { readonly topic: string; readonly partition: number }

  constructor(place: { topic: string; partition: number }) {
    this.place = { topic: place.topic, partition: place.partition }
  }

  /** Why writing is refused now, if it is. */
  get refusal(): TidemarkError | undefined {
    if (this.failure !== undefined || !(this.isClosed || this.isEnding)) return this.failure
    return new TidemarkError('CLOSED', `The log of ${this.name} has been closed.`, this.place)
  }

  check(): void {
    const { refusal } = this
    if (refusal !== undefined) throw refusal
  }

  /** Runs `work`; an error of the disk becomes STORAGE_ERROR and ends nothing. */
  attempt<T>(doing: string, work: () => T): T {
    try {
      return work()
    } catch (error) {
      throw this.describe(error, doing)
    }
  }

  async attemptAsync<T>(doing: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw this.describe(error, doing)
    }
  }

  describe(error: unknown, doing: string): TidemarkError {
    return storageError(error, `${doing} ${this.name}`, this.place)
  }

  /** Nobody knows any more what the disk has, or whose it is: nothing more is written through these descriptors. */
  fail(error: unknown, doing: string): TidemarkError {
    if (this.failure !== undefined) return this.failure
    const cause = this.describe(error, doing)
    const message = `${cause.message} Nothing more is written to ${this.name} until it is opened again.`
    this.failure = new TidemarkError(cause.code, message, { ...this.place, cause: error })
    return this.failure
  }

  appendFailed(error: unknown, { isBroken }: { readonly isBroken: boolean }): TidemarkError {
    const isLost = error instanceof TidemarkError && error.code === 'OWNERSHIP_LOST'
    return isLost || isBroken ? this.fail(error, 'append to') : this.describe(error, 'append to')
  }

  /** Without a descriptor nothing was written or flushed, so the kernel still has all of it. */
  flushFailed(error: unknown): TidemarkError {
    return isOutOfDescriptors(error) ? this.describe(error, 'flush') : this.fail(error, 'flush')
  }

  private get name(): string {
    return `${this.place.topic}-${this.place.partition}`
  }
}
