import { onTestFinished } from 'vitest'
import { Neighbour } from '../../../sdk/broker/neighbour.ts'
import type { Connection, Environment, File } from '../../../sdk/environment/environment.ts'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { overridden } from '../overridden.ts'
import type { World } from './worlds.ts'

/** A neighbour whose files, and whose answers, pass by whoever looks. */
export interface ReadingNeighbour {
  readonly neighbour: Neighbour
  /** Files it has opened since it was connected. */
  readonly opened: readonly string[]
  /** What it has read from them. */
  readonly bytesRead: number
  /** What the owner has sent to it. */
  readonly bytesReceived: number
  /** Files that are not closed. */
  readonly openCount: number
  /** Called with every file it opens, which it may replace, or throw instead. */
  opening: (file: File, path: string) => File
  /** Keeps what the owner says from it, until `release`; resolves when there is something. */
  hold(): Promise<void>
  release(): void
}

export async function readingNeighbour({ environment, path }: World): Promise<ReadingNeighbour> {
  const there = environment instanceof MemoryEnvironment ? environment.anotherProcess() : environment
  const opened: string[] = []
  let bytesRead = 0
  let bytesReceived = 0
  let openCount = 0
  let held: (() => void)[] | undefined
  let heldOne = () => {}
  const counted = (file: File): File => {
    openCount++
    return overridden(file, {
      read(target, position) {
        const bytes = file.read(target, position)
        bytesRead += bytes
        return bytes
      },
      close() {
        openCount--
        file.close()
      },
    })
  }
  const files = overridden(there.files, {
    open(name, options) {
      opened.push(name)
      return reading.opening(counted(there.files.open(name, options)), name)
    },
  })
  const connect: Environment['connect'] = async (directory, name) => {
    const connection = await there.connect(directory, name)
    if (connection === undefined) return undefined
    const receive: Connection['receive'] = (events) =>
      connection.receive({
        ...events,
        data(bytes) {
          bytesReceived += bytes.length
          if (held === undefined) events.data(bytes)
          else held.push(() => events.data(bytes))
          heldOne()
        },
      })
    return overridden(connection, { receive })
  }
  const reading = {
    opened,
    opening: (file: File, _path: string) => file,
    get bytesRead() {
      return bytesRead
    },
    get bytesReceived() {
      return bytesReceived
    },
    get openCount() {
      return openCount
    },
    hold(): Promise<void> {
      held = []
      const { promise, resolve } = Promise.withResolvers<void>()
      heldOne = resolve
      return promise
    },
    release() {
      const kept = held ?? []
      held = undefined
      for (const give of kept) give()
    },
  }
  const options = { clientId: 'next door', survives: 'process-crash' } as const
  const neighbour = await Neighbour.connect(overridden(there, { files, connect }), path, options)
  if (neighbour === undefined) throw new Error('nobody is at home')
  onTestFinished(() => neighbour.close())
  opened.length = 0
  bytesRead = 0
  bytesReceived = 0
  return Object.assign(reading, { neighbour })
}
