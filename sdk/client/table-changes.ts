import type { TableChange } from './table.ts'

type Result<K, V> = IteratorResult<TableChange<K, V>, undefined>

/** Changes that a loop has not asked for yet: of each key the newest. */
export class TableChanges<K, V> implements AsyncIterableIterator<TableChange<K, V>, undefined> {
  readonly #onLeft: () => void
  readonly #pending = new Map<string, TableChange<K, V>>()
  #end: { readonly failure: { readonly error: unknown } | undefined } | undefined
  #wake: () => void = () => {}

  constructor(onLeft: () => void) {
    this.#onLeft = onLeft
  }

  add(name: string, { key, value, previous }: TableChange<K, V>): void {
    const before = this.#pending.get(name)
    this.#pending.delete(name)
    this.#pending.set(name, { key, value, previous: before === undefined ? previous : before.previous })
    this.#wake()
  }

  /** Nothing more comes. */
  end(failure: { readonly error: unknown } | undefined): void {
    this.#end ??= { failure }
    this.#wake()
  }

  async next(): Promise<Result<K, V>> {
    for (;;) {
      for (const [name, change] of this.#pending) {
        this.#pending.delete(name)
        return { done: false, value: change }
      }
      if (this.#end?.failure !== undefined) throw this.#end.failure.error
      if (this.#end !== undefined) return { done: true, value: undefined }
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  async return(): Promise<Result<K, V>> {
    this.end(undefined)
    this.#pending.clear()
    this.#onLeft()
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
