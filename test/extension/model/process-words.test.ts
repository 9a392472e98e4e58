import { expect, test } from 'vitest'
import { processWords } from '../../../extension/model/process-words.ts'
import { QuantityWords } from '../../../extension/model/quantity-words.ts'

const WORDS = new QuantityWords('en')
const NOW_MS = Date.UTC(2026, 0, 2, 12)
const tell = (described: Omit<Parameters<typeof processWords>[0], 'clusterId'>) =>
  processWords({ clusterId: 'c', ...described }, WORDS, NOW_MS).map(({ label, description, detail }) => [
    label,
    description,
    detail,
  ])

test('the owner comes first, then those that work through it; what nobody knows is left out', () => {
  const owner = { pid: 7, clientId: 'web', sinceMs: NOW_MS - 180_000 }
  const neighbours = [{ pid: 8, clientId: 'worker', sinceMs: NOW_MS - 5_000 }]
  expect(tell({ owner, neighbours })).toEqual([
    ['process 7', 'web · owner', 'opened 3 min ago'],
    ['process 8', 'worker · works through the owner', 'opened just now'],
  ])
  expect(tell({ owner: { pid: null, clientId: null, sinceMs: null }, neighbours: null })).toEqual([
    ['a process', 'owner; it cannot be asked who else is connected', undefined],
  ])
  expect(tell({ owner: null, neighbours: [] })).toEqual([])
})
