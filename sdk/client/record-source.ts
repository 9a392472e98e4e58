/** What an iterable or a stream gives, one by one, until somebody says stop: also while the next one is awaited. */
export class RecordSource<R> {
  readonly #iterator: Iterator<R> | AsyncIterator<R>
  readonly #isAsync: boolean
  #stopped: { readonly error: unknown } | undefined
  /** It has ended, or has thrown: it is not to be left any more. */
  #isOver = false
  #reject: ((error: unknown) => void) | undefined

  constructor(records: Iterable<R> | AsyncIterable<R>) {
    this.#isAsync = Symbol.asyncIterator in records
    this.#iterator = Symbol.asyncIterator in records ? records[Symbol.asyncIterator]() : records[Symbol.iterator]()
  }

  /** A record that is there already need not be awaited: that alone would cost as much as sending it. */
  next(): IteratorResult<R> | Promise<IteratorResult<R>> {
    if (this.#stopped !== undefined) throw this.#stopped.error
    const result = this.#iterator.next()
    return this.#isAsync ? this.#unlessStopped(Promise.resolve(result)) : (result as IteratorResult<R>)
  }

  /** `next` throws `error` from now on, be it awaited at this moment. */
  stop(error: unknown): void {
    this.#stopped ??= { error }
    this.#reject?.(error)
  }

  /** Nothing more is wanted. A source that somebody still waits for cannot be waited for. */
  async leave(): Promise<void> {
    if (this.#isOver) return
    const left = this.#iterator.return?.()
    if (this.#reject === undefined) await left
    else Promise.resolve(left).catch(() => {})
  }

  /** By hand, since a promise for the stop that is raced again and again would remember every race. */
  #unlessStopped(result: Promise<IteratorResult<R>>): Promise<IteratorResult<R>> {
    return new Promise((resolve, reject) => {
      this.#reject = reject
      const settled = () => {
        if (this.#stopped === undefined) this.#reject = undefined
      }
      result.then(
        (value) => {
          settled()
          this.#isOver = value.done === true
          resolve(value)
        },
        (error: unknown) => {
          settled()
          this.#isOver = true
          reject(error)
        },
      )
    })
  }
}
