/** The judge of the chaos test must find what it looks for. */
import { expect, test } from 'vitest'
import type { Evidence, Life } from '../../support/chaos/evidence.ts'
import { takeOvers } from '../../support/chaos/take-over.ts'
import { judge, type Remains } from '../../support/chaos/verdict.ts'

const IDS = ['k.0:0', 'k.0:1', 'k.0:2', 'k.0:3']
const remains: Remains = { log: [IDS], commits: [{ group: 'g', partition: 0, offsets: [2, 4] }] }
let clockMs = 0

function sent(offset: number, id = IDS[offset]!): Evidence[] {
  return [
    { what: 'send', atMs: ++clockMs, id },
    { what: 'sent', atMs: ++clockMs, id, place: `0@${offset}` },
  ]
}

function processed(...offsets: number[]): Evidence[] {
  return offsets.map((offset) => ({
    what: 'processed',
    atMs: ++clockMs,
    group: 'g',
    place: `0@${offset}`,
    id: IDS[offset] ?? `k.0:${offset}`,
  }))
}

function life(process: string, ...evidence: readonly Evidence[][]): Life {
  return { process, evidence: evidence.flat() }
}

function violations(lives: readonly Life[], left: Remains = remains): string {
  return judge(lives, left, ['g']).violations.join('; ')
}

const sends = [0, 1, 2, 3].map((offset) => sent(offset))

test('a history in which all is well has no violation, and is counted', () => {
  const unknown: Evidence[] = [{ what: 'send', atMs: ++clockMs, id: 'k.9:9' }]
  const refused: Evidence[] = [{ what: 'refused', atMs: ++clockMs, id: 'k.8:8', why: 'CLOSED' }]
  const verdict = judge(
    [life('a', ...sends, unknown, refused, processed(0, 1, 2)), life('b', processed(1, 2, 3))],
    remains,
    ['g'],
  )
  expect(verdict).toEqual({
    violations: [],
    sent: 4,
    refused: 1,
    unknown: 1,
    unknownStored: 0,
    processed: 6,
    again: 2,
    mostAgain: 2,
  })
})

test('an acknowledged record that is lost, moved, stored twice or made up', () => {
  const all = processed(0, 1, 2, 3)
  expect(violations([life('a', ...sends, sent(4, 'k.1:0'), all)])).toBe('k.1:0, acknowledged to a at 0@4, is lost')
  expect(violations([life('a', ...sends.slice(1), sent(7, IDS[0]), all)])).toBe('k.0:0, acknowledged at 0@7, is at 0@0')
  expect(violations([life('a', ...sends.slice(1), all)])).toBe('nobody has sent k.0:0')
  const twice = { ...remains, log: [IDS, [IDS[0]!]] }
  expect(violations([life('a', ...sends, all)], twice)).toContain('k.0:0 is stored twice: 0@0 and 1@0')
})

test('a key that is in two partitions or out of order', () => {
  const all = processed(0, 1, 2, 3)
  const moved = { ...remains, log: [IDS.slice(0, 3), [IDS[3]!]] }
  expect(violations([life('a', ...sends, all)], moved)).toContain('key k.0 is in partitions 0 and 1')
  const swapped = { ...remains, log: [[IDS[0]!, IDS[2]!, IDS[1]!, IDS[3]!]] }
  expect(violations([life('a', ...sends, all)], swapped)).toContain('k.0:1 stands behind k.0:2')
})

test('records that are skipped, for a while or for ever', () => {
  expect(violations([life('a', ...sends, processed(0, 1)), life('b', processed(3)), life('c', processed(2, 3))])).toBe(
    'g 0: 2 to 2 were skipped, 0@3 came first',
  )
  expect(violations([life('a', ...sends, processed(0, 1, 2))])).toBe('g 0: 3 to 3 were never processed')
  expect(violations([life('a', ...sends, processed(0, 2, 3))])).toBe('g 0: 1 to 1 were skipped, 0@2 came first')
})

test('more records again than a commit reaches back, be it at a start or by somebody who should have stopped', () => {
  const ids = Array.from({ length: 60 }, (_, n) => `k.0:${n}`)
  const left = { log: [ids], commits: [] }
  const all = ids.map((id, offset) => sent(offset, id))
  const range = (from: number, to: number) => processed(...Array.from({ length: to - from }, (_, n) => from + n))
  expect(violations([life('a', ...all, range(0, 30)), life('b', range(9, 60))], left)).toBe('')
  expect(violations([life('a', ...all, range(0, 30)), life('b', range(8, 60))], left)).toBe(
    'g 0: more than 21 records came again, up to 0@29',
  )
  const before = range(0, 30)
  const other = range(30, 60)
  expect(violations([life('a', ...all, before, range(30, 53)), life('b', other)], left)).toBe(
    'g 0: more than 21 records came again, up to 0@51',
  )
})

test('a record that was handed out as another, a commit that goes back, a process that failed', () => {
  const all = processed(0, 1, 2)
  const other: Evidence = { what: 'processed', atMs: ++clockMs, group: 'g', place: '0@3', id: 'k.7:7' }
  expect(violations([life('a', ...sends, all, [other])])).toBe('g 0: 0@3 was handed out as k.7:7, and is k.0:3')
  const back = { ...remains, commits: [{ group: 'g', partition: 0, offsets: [2, 4, 3] }] }
  expect(violations([life('a', ...sends, processed(0, 1, 2, 3))], back)).toBe(
    'g: the commit of 0 goes back from 4 to 3',
  )
  const failed: Evidence = { what: 'failed', atMs: ++clockMs, why: 'Error: no' }
  expect(violations([life('a', ...sends, processed(0, 1, 2, 3), [failed])])).toBe('a failed: Error: no')
})

test('a take-over lasts until another process sends again; one that was struck itself does not count', () => {
  const owner = { wasOwner: true, kind: 'kill' } as const
  const blows = [
    { ...owner, process: 'a', atMs: 1_000 },
    { ...owner, process: 'b', atMs: 2_000 },
    { ...owner, process: 'c', atMs: 2_500 },
    { ...owner, process: 'd', atMs: 4_000, wasOwner: false },
    { ...owner, process: 'd', atMs: 9_000 },
  ]
  const at = (begunMs: number, atMs: number): Evidence[] => [
    { what: 'send', atMs: begunMs, id: `${begunMs}` },
    { what: 'sent', atMs, id: `${begunMs}`, place: '0@0' },
  ]
  const lives = [life('b', at(990, 1_200), at(1_100, 1_300)), life('d', at(2_600, 3_000)), life('a', at(999, 1_001))]
  expect(takeOvers(blows, lives)).toEqual([300, 500, Number.POSITIVE_INFINITY])
})
