import { expect, test } from 'vitest'
import { open } from '../../../sdk/index.ts'
import { MemoryEnvironment } from '../../../sdk/testing.ts'
import { readArchitectureTable } from '../../support/processed/architecture-table.ts'
import { EVENTS } from '../../support/processed/events.ts'
import {
  type CommitBy,
  commitOption,
  committed,
  type Loop,
  type Per,
  runLoop,
  sendUnits,
  triggerCommit,
  untilCommitted,
} from '../../support/processed/scenario.ts'

for (const { event, per, by, resumesAt } of readArchitectureTable().filter((cell) => cell.event in EVENTS)) {
  test(`${event}, per ${per}, committing by ${by}: the group goes on at ${resumesAt}`, async () => {
    expect(await play(event, per, by)).toBe(resumesAt)
  })
}

test('every event that fits into one process has a row for records and one for batches', () => {
  const rows = new Set(readArchitectureTable().map((cell) => `${cell.event}, per ${cell.per}`))
  for (const event of Object.keys(EVENTS))
    for (const per of ['record', 'batch']) expect(rows).toContain(`${event}, per ${per}`)
})

async function play(name: string, per: Per, by: CommitBy): Promise<number> {
  const event = EVENTS[name]
  if (event === undefined) throw new Error(`no event is called ${name}`)
  const environment = new MemoryEnvironment({ clock: 'manual' })
  await using tide = await open('memory:', { environment })
  const topic = tide.topic('t', { partitions: 2 })
  const controller = new AbortController()
  const unitSize = per === 'record' ? 1 : 2
  const consumer = topic.consume({
    group: 'g',
    signal: controller.signal,
    commit: commitOption(by, unitSize),
    rebalanceTimeoutMs: 30_000,
  })
  const pass = (ms: number) => environment.advance(ms)
  const loop: Loop = { tide, topic, consumer, per, by, unitSize, controller, pass, done: () => {} }
  const unitsBefore = by === 'caught up' ? 2 : event.units
  await sendUnits(loop, unitsBefore)
  const running = runLoop(loop, {
    inHand: async (index) => {
      if (index === 2 && by !== 'caught up') await triggerCommit(loop, 2)
      if (index === 3) return await event.strike(loop)
      return index > 3 && event.afterwards !== undefined ? await event.afterwards(loop) : 'go on'
    },
  })
  running.catch(() => {})
  if (by === 'caught up') {
    await untilCommitted(tide, 2 * unitSize)
    await sendUnits(loop, event.units - unitsBefore)
  }
  if (event.resumesAt !== undefined) {
    const offset = await event.resumesAt(loop, running)
    controller.abort()
    await running.catch(() => {})
    return offset
  }
  await running
  return await committed(tide)
}
