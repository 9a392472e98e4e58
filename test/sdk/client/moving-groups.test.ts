import { expect, test } from 'vitest'
import { GroupWorld } from './support/group-world.ts'
import { MovingGroup } from './support/moving-group.ts'

const HISTORIES = Number(process.env['HISTORIES'] ?? 5_000)
const SEED = Number(process.env['SEED'] ?? 1)
const STEPS = 16
/** Histories in one directory: its log of commits grows, and a history reads it all. */
const HISTORIES_PER_WORLD = 100

test(`whoever joins, leaves, dies, is moved and moved back: one owner per partition, commits go up but for moves, nothing is skipped (${HISTORIES} histories from SEED=${SEED})`, async () => {
  const total: Record<string, number> = {}
  for (let first = SEED; first < SEED + HISTORIES; first += HISTORIES_PER_WORLD) {
    const world = await GroupWorld.create(first)
    for (let seed = first; seed < Math.min(first + HISTORIES_PER_WORLD, SEED + HISTORIES); seed++) {
      const history = new MovingGroup(world, seed)
      await history.run(STEPS)
      for (const [what, count] of Object.entries(history.counts)) total[what] = (total[what] ?? 0) + count
    }
    await world.owner.close()
  }
  // The histories are worth something only if all of it happens, and often.
  for (const [what, count] of Object.entries(total)) expect(count, what).toBeGreaterThan(HISTORIES / 100)
}, 600_000)
