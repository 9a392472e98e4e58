import { expect, test } from 'vitest'
import { GroupModel } from './support/group-model.ts'

const HISTORIES = 600
const STEPS = 60
const SEED = 1

test(`whatever members do, no partition has two owners, brokers accept every batch, and the group comes to rest (${HISTORIES} histories from seed ${SEED})`, () => {
  const total = { beats: 0, commits: 0, refused: 0, fenced: 0, moves: 0, outrun: 0 }
  for (let seed = SEED; seed < SEED + HISTORIES; seed++) {
    const model = new GroupModel(seed)
    for (let step = 0; step < STEPS; step++) model.step()
    model.settle()
    for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += model.counts[key]
  }
  // The histories are worth something only if they get into trouble.
  expect(total.commits).toBeGreaterThan(HISTORIES)
  expect(total.refused).toBeGreaterThan(HISTORIES / 10)
  expect(total.fenced).toBeGreaterThan(HISTORIES / 10)
  expect(total.moves).toBeGreaterThan(HISTORIES)
  expect(total.outrun).toBeGreaterThan(HISTORIES / 20)
})
