/** Whether whoever answers says nothing although something was asked, and who is told so. */
export class Silence {
  #isOn = false
  readonly #listeners = new Set<() => void>()

  begins(): void {
    this.#isOn = true
    for (const listener of [...this.#listeners]) listener()
  }

  ends(): void {
    this.#isOn = false
  }

  /** Calls back when it begins, at once where it has begun. Returns how to stop that. */
  on(begun: () => void): () => void {
    const listener = () => begun()
    this.#listeners.add(listener)
    if (this.#isOn) begun()
    return () => this.#listeners.delete(listener)
  }
}
