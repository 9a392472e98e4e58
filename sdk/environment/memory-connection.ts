import type { Connection, ConnectionEvents } from './environment.ts'

/** Two ends of a connection inside one program. Bytes arrive in a later turn of the event loop. */
export function connectionPair(turn: () => Promise<void>): [MemoryConnection, MemoryConnection] {
  const pair: [MemoryConnection, MemoryConnection] = [new MemoryConnection(turn), new MemoryConnection(turn)]
  pair[0].peer = pair[1]
  pair[1].peer = pair[0]
  return pair
}

export class MemoryConnection implements Connection {
  peer: MemoryConnection | undefined
  unsentBytes = 0
  readonly #turn: () => Promise<void>
  #events: ConnectionEvents | undefined
  /** What this side wrote and the other has not got. */
  #outgoing: Uint8Array[] = []
  #isPaused = false
  #hasEnded = false
  #hasToldEnd = false
  #isDestroyed = false
  #hasToldClosed = false
  #isPumping = false

  constructor(turn: () => Promise<void>) {
    this.#turn = turn
  }

  get isClosed(): boolean {
    return this.#isDestroyed
  }

  receive(events: ConnectionEvents): void {
    this.#events = events
    this.#wakeBoth()
  }

  write(chunks: readonly Uint8Array[]): void {
    if (this.#hasEnded || this.#isDestroyed) return
    for (const chunk of chunks) {
      // A copy, as the kernel makes one: what the writer does to its bytes later is its own affair.
      this.#outgoing.push(Uint8Array.from(chunk))
      this.unsentBytes += chunk.length
    }
    this.#wake()
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    this.#wakeBoth()
  }

  end(): void {
    this.#hasEnded = true
    this.#wake()
  }

  destroy(): void {
    if (this.#isDestroyed) return
    this.#isDestroyed = true
    this.#outgoing = []
    this.unsentBytes = 0
    this.#wakeBoth()
  }

  /** Nothing here keeps a process running. */
  keepAlive(): void {}

  #wakeBoth(): void {
    this.#wake()
    if (this.peer !== undefined) this.peer.#wake()
  }

  #wake(): void {
    if (this.#isPumping) return
    this.#isPumping = true
    void this.#turn().then(() => {
      this.#isPumping = false
      this.#pump()
    })
  }

  /** Brings to the other side what this one wrote, and tells both what has come to an end. */
  #pump(): void {
    const to = this.peer!
    const isOpen = () => !this.#isDestroyed && !to.#isDestroyed
    while (isOpen() && to.#events !== undefined && !to.#isPaused && this.#outgoing.length > 0) {
      const bytes = this.#outgoing.shift()!
      this.unsentBytes -= bytes.length
      to.#events.data(bytes)
      if (this.#outgoing.length === 0 && isOpen()) this.#events?.drained()
    }
    if (this.#outgoing.length === 0 && this.#hasEnded && isOpen()) to.#tellEnd()
    if (!isOpen() || (this.#hasToldEnd && to.#hasToldEnd)) {
      this.#tellClosed()
      to.#tellClosed()
    }
  }

  #tellEnd(): void {
    if (this.#events === undefined || this.#hasToldEnd) return
    this.#hasToldEnd = true
    this.#events.ended()
  }

  #tellClosed(): void {
    if (this.#events === undefined || this.#hasToldClosed) return
    this.#hasToldClosed = true
    this.#isDestroyed = true
    this.#events.closed()
  }
}
