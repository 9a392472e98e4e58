import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished, test } from 'vitest'
import type { Broker } from '../../../sdk/broker/broker.ts'
import { Follower } from '../../../sdk/broker/follower.ts'
import { Neighbour } from '../../../sdk/broker/neighbour.ts'
import { Owner, type OwnerOptions } from '../../../sdk/broker/owner.ts'
import type { Environment } from '../../../sdk/environment/environment.ts'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { nodeEnvironment } from '../../../sdk/environment/node-environment.ts'
import { overridden } from '../overridden.ts'

/** Whoever writes. */
export type Writer = Broker & Pick<Owner, 'recovery'>

/** A place where brokers can be opened. */
export interface World {
  readonly environment: Environment
  readonly path: string
  own(options?: Partial<OwnerOptions>): Promise<Writer>
  /** Of the running owner, in another process where there are such. */
  neighbour(): Promise<Neighbour>
  follow(): Follower
}

export const PATH = '/data'

export function createWorld(environment: Environment = new MemoryEnvironment(), path = PATH): World {
  return {
    environment,
    path,
    async own(options) {
      const owner = await Owner.open(environment, path, { waitMs: 0, survives: 'power-loss', ...options })
      onTestFinished(() => owner.close().catch(() => {}))
      return owner
    },
    async neighbour() {
      const there = environment instanceof MemoryEnvironment ? environment.anotherProcess() : environment
      const neighbour = await Neighbour.connect(there, path, { clientId: 'next door', survives: 'process-crash' })
      if (neighbour === undefined) throw new Error('nobody is at home')
      onTestFinished(() => neighbour.close())
      return neighbour
    },
    follow() {
      const follower = Follower.open(environment, path)
      onTestFinished(() => follower.close())
      return follower
    },
  }
}

function createWorldOnDisk(): World {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-broker-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return createWorld(nodeEnvironment(), join(folder, 'data'))
}

/** The same place; whoever owns it there does it through a neighbour, who closes both. */
function throughNeighbour(world: World): World {
  return {
    ...world,
    async own(options) {
      const owner = await world.own(options)
      const neighbour = await world.neighbour()
      return overridden<Writer>(neighbour as unknown as Writer, {
        get recovery() {
          return owner.recovery
        },
        close: () => neighbour.close().then(() => owner.close()),
      })
    },
  }
}

const PLACES = { 'in memory': () => createWorld(), 'on disk': createWorldOnDisk } as const

const WORLDS: Readonly<Record<string, () => World>> = {
  ...PLACES,
  'in memory, through a neighbour': () => throughNeighbour(createWorld()),
  'on disk, through a neighbour': () => throughNeighbour(createWorldOnDisk()),
}

type Reader = (world: World, owner: Writer) => Promise<Broker> | Broker

/** Everybody who answers requests that only read. */
const READERS = {
  'the owner': (_, owner) => owner,
  'a neighbour': (world) => world.neighbour(),
  'a follower of the running owner': (world) => world.follow(),
  'a follower of the closed owner': async (world, owner) => {
    await owner.close()
    return world.follow()
  },
  'the next owner': async (world, owner) => {
    await owner.close()
    return await world.own()
  },
} satisfies Record<string, Reader>

type Who = keyof typeof READERS

/** One test per kind of owner. */
export function testOwners(name: string, scenario: (world: World) => Promise<void>): void {
  for (const [where, create] of Object.entries(WORLDS)) test(`${name} (${where})`, () => scenario(create()))
}

/** Something is written by each kind of owner, and everybody who can read it must see the same. */
export function testReaders<T>(
  name: string,
  write: (owner: Writer) => Promise<T>,
  check: (broker: Broker, written: T, who: Who) => Promise<void>,
): void {
  for (const [where, create] of Object.entries(PLACES)) {
    for (const [who, reader] of Object.entries(READERS)) {
      test(`${name} (${where}: ${who})`, async () => {
        const world = create()
        const owner = await world.own()
        const written = await write(owner)
        await check(await reader(world, owner), written, who as Who)
      })
    }
  }
}
