/** What can happen while a unit is in hand, for the scenarios that fit into one process. */
import { committed, type Loop, type Outcome, triggerCommit } from './scenario.ts'

export interface Event {
  /** How many units the topic holds. */
  readonly units: number
  /** Strikes while the fourth unit (index 3) is in hand. */
  readonly strike: (loop: Loop) => Promise<Outcome>
  /** What to do in the body of the fifth unit, where the loop goes on. */
  readonly afterwards?: (loop: Loop) => Promise<Outcome>
  /** Where the group goes on; by default what is committed once the loop has ended. */
  readonly resumesAt?: (loop: Loop, running: Promise<void>) => Promise<number>
}

export const EVENTS: Readonly<Record<string, Event>> = {
  next: {
    units: 4,
    strike: async () => 'go on',
    resumesAt: async (loop) => {
      await turns()
      await triggerCommit(loop, 4)
      return await committed(loop.tide)
    },
  },
  'done()': {
    units: 5,
    strike: async (loop) => {
      loop.done()
      if (loop.by === 'manual') await loop.consumer.commit()
      return 'break'
    },
  },
  break: { units: 5, strike: async () => 'break' },
  throw: {
    units: 5,
    strike: async () => {
      throw new Error('the body failed')
    },
    resumesAt: async (loop, running) => {
      await running.catch((error: Error) => {
        if (error.message !== 'the body failed') throw error
      })
      return await committed(loop.tide)
    },
  },
  return: { units: 5, strike: async () => 'return' },
  abort: {
    units: 5,
    strike: async (loop) => {
      loop.controller.abort()
      return 'go on'
    },
    afterwards: async () => {
      throw new Error('a unit was handed out after the abort')
    },
  },
  close: {
    units: 5,
    strike: async (loop) => {
      await loop.consumer.close()
      return 'go on'
    },
    afterwards: async () => {
      throw new Error('a unit was handed out after the close')
    },
  },
  'revoked with a body in hand': {
    units: 5,
    strike: async (loop) => {
      rival(loop)
      for (let step = 0; step < 10; step++) await passTime(loop, 500)
      return 'go on'
    },
    afterwards: async () => {
      throw new Error('a unit of the revoked partition was handed out')
    },
    resumesAt: firstOfRival,
  },
  'body longer than the timeout': {
    units: 5,
    strike: async (loop) => {
      rival(loop)
      for (let step = 0; step < 200 && !rivalHasARecord(loop); step++) await passTime(loop, 500)
      return 'go on'
    },
    afterwards: async () => {
      throw new Error('a unit of the lost partition was handed out')
    },
    resumesAt: firstOfRival,
  },
  'moved to 1 as it runs': {
    units: 5,
    strike: async (loop) => {
      const plan = await loop.tide.groups.planReset('g', { offset: 1 }, { topics: [{ topic: 't', partitions: [1] }] })
      await plan.apply({ running: true })
      await passTime(loop, 500)
      return 'go on'
    },
    afterwards: async () => 'break',
  },
}

interface Rival {
  readonly controller: AbortController
  offset: number | undefined
}
const rivals = new WeakMap<Loop, Rival>()

/** A second member, which the assignor gives the partition all records are in. */
function rival(loop: Loop): void {
  const self: Rival = { controller: new AbortController(), offset: undefined }
  rivals.set(loop, self)
  void (async () => {
    for await (const record of loop.topic.consume({ group: 'g', signal: self.controller.signal })) {
      self.offset = record.offset
      break
    }
  })()
}

function rivalHasARecord(loop: Loop): boolean {
  return rivals.get(loop)?.offset !== undefined
}

async function firstOfRival(loop: Loop): Promise<number> {
  for (let step = 0; step < 400 && !rivalHasARecord(loop); step++) await passTime(loop, rivals.has(loop) ? 500 : 0)
  loop.controller.abort()
  const offset = rivals.get(loop)?.offset
  if (offset === undefined) throw new Error('the second member never got a record')
  return offset
}

async function passTime(loop: Loop, ms: number): Promise<void> {
  loop.pass(ms)
  await turns()
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
}
