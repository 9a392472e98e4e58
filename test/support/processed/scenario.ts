/**
 * One loop, brought into one situation, and the question where the group goes on afterwards.
 *
 * A unit is a record, or a batch of two. In every scenario a commit has happened when two units were processed, the
 * third unit was processed too, and the event strikes while the fourth is in hand.
 */
import type { Consumer, Tidemark, Topic } from '../../../sdk/index.ts'

export type Per = 'record' | 'batch'
export type CommitBy = 'count' | 'time' | 'caught up' | 'manual'

export interface Loop {
  readonly tide: Tidemark
  readonly topic: Topic<'t', string | null, Uint8Array>
  readonly consumer: Consumer<unknown>
  readonly per: Per
  readonly by: CommitBy
  readonly unitSize: number
  readonly controller: AbortController
  /** Lets the time pass that a commit by time or by catching up waits for. */
  readonly pass: (ms: number) => void
  /** Marks the unit in hand as done: a record whole, of a batch the first record. */
  done(): void
}

/** What happens while a unit is in hand. `'leave'` breaks, `'return'` returns, an error is thrown. */
export type Outcome = 'go on' | 'break' | 'return'

export interface Plan {
  /** Called with each unit in hand, from 0. */
  readonly inHand: (index: number, loop: Loop) => Promise<Outcome>
}

export const INTERVAL_MS = 5_000
export const IDLE_MS = 1_000

export async function runLoop(loop: Loop, plan: Plan): Promise<void> {
  const units = loop.per === 'record' ? loop.consumer : loop.consumer.batches({ maxRecords: loop.unitSize })
  let index = 0
  for await (const unit of units as AsyncIterable<{ done(index?: number): void }>) {
    loop.done = () => (loop.per === 'record' ? unit.done() : unit.done(0))
    const outcome = await plan.inHand(index++, loop)
    if (outcome === 'break') break
    if (outcome === 'return') return
  }
}

export async function committed(tide: Tidemark): Promise<number> {
  const offsets = await tide.groups.offsets('g')
  return offsets.find((committed) => committed.partition === 1)?.offset ?? 0
}

/** Waits, event loop turn by event loop turn, until the group has committed `offset`. */
export async function untilCommitted(tide: Tidemark, offset: number): Promise<void> {
  for (let turn = 0; turn < 100_000; turn++) {
    if ((await committed(tide)) === offset) return
    await new Promise((resolve) => setImmediate(resolve))
  }
  throw new Error(`the group never committed ${offset}; it is at ${await committed(tide)}`)
}

/** Brings about the commit that the way of committing is about, with `units` processed so far. */
export async function triggerCommit(loop: Loop, units: number): Promise<void> {
  if (loop.by === 'manual') await loop.consumer.commit()
  if (loop.by === 'time') loop.pass(INTERVAL_MS)
  if (loop.by === 'caught up') loop.pass(IDLE_MS)
  await untilCommitted(loop.tide, units * loop.unitSize)
}

export function commitOption(by: CommitBy, unitSize: number, intervalMs = INTERVAL_MS) {
  const never = 1_000_000_000
  if (by === 'manual') return 'manual' as const
  return {
    everyRecords: by === 'count' ? 2 * unitSize : never,
    intervalMs: by === 'time' ? intervalMs : never,
    idleMs: by === 'caught up' ? IDLE_MS : never,
  }
}

export async function sendUnits(loop: Pick<Loop, 'topic' | 'unitSize'>, units: number): Promise<void> {
  for (let unit = 0; unit < units; unit++) {
    await loop.topic.sendBatch(Array.from({ length: loop.unitSize }, () => ({ value: Buffer.from('x'), partition: 1 })))
  }
}
