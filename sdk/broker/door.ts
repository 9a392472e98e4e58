import type { Connection, Environment } from '../environment/environment.ts'
import type { Broker, ConnectedProcess, FetchRequest } from './broker.ts'
import { DoorGuest } from './door-guest.ts'
import type { Hello } from './door-message.ts'
import type { LocatedPartition } from './log-requests.ts'

/** Each costs a file descriptor. */
const MAX_GUESTS = 1_000
/** How long neighbours have to hear the answers to what they asked before the owner goes. */
const LAST_ANSWERS_MS = 1_000

export interface DoorOptions {
  /** Who the owner is. */
  readonly hello: Hello
  /** An answer said that the directory is no longer the owner's. */
  readonly onOwnershipLost: () => void
  /** Answers the partitions of a fetch of which `minBytes` can be located, with word of where they are. */
  readonly locate: (request: FetchRequest, minBytes: number) => readonly (LocatedPartition | undefined)[]
}

/** Where neighbours come to the owner of a directory: other processes of the same user that have opened it too. */
export class Door {
  readonly #environment: Environment
  readonly #broker: Broker
  readonly #options: DoorOptions
  readonly #guests = new Set<DoorGuest>()
  readonly #stopWatching: () => void
  #isClosing = false
  #emptied = Promise.withResolvers<void>()

  constructor(environment: Environment, broker: Broker, options: DoorOptions) {
    this.#environment = environment
    this.#broker = broker
    this.#options = options
    this.#stopWatching = broker.onTopicsChanged((names) => {
      for (const guest of this.#guests) guest.topicsChanged(names)
    })
  }

  get hasNeighbours(): boolean {
    for (const { isNeighbour } of this.#guests) if (isNeighbour) return true
    return false
  }

  /** Those that are connected, longest first. */
  get neighbours(): ConnectedProcess[] {
    return [...this.#guests].flatMap(({ process }) => process ?? [])
  }

  readonly accept = (connection: Connection): void => {
    if (this.#isClosing) {
      connection.destroy()
      return
    }
    const guest = new DoorGuest(
      { environment: this.#environment, broker: this.#broker, ...this.#options, left: (gone) => this.#left(gone) },
      connection,
    )
    this.#guests.add(guest)
    if (this.#guests.size > MAX_GUESTS) guest.dismiss(`${MAX_GUESTS} processes are connected, which is the limit.`)
  }

  /** Answers what was asked, and lets everybody go: they look for the next owner at once. */
  async close(): Promise<void> {
    this.#isClosing = true
    this.#stopWatching()
    if (this.#guests.size === 0) return
    for (const guest of this.#guests) guest.sayClosing()
    const late = this.#environment.timers.after(LAST_ANSWERS_MS, () => this.#emptied.resolve(), { keepAlive: true })
    await this.#emptied.promise
    late.cancel()
    for (const guest of this.#guests) guest.cut()
  }

  #left(guest: DoorGuest): void {
    this.#guests.delete(guest)
    if (this.#guests.size === 0) this.#emptied.resolve()
  }
}
