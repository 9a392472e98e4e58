import type { LagRow } from 'tidemark'
import { expect, test } from 'vitest'
import { QuantityWords } from '../../../extension/model/quantity-words.ts'
import type { GroupSnapshot, SourceSnapshot } from '../../../extension/model/snapshot.ts'
import { DEFAULT_LOOK } from '../../../extension/model/tree-look.ts'
import type { TreeRow } from '../../../extension/model/tree-row.ts'
import { treeRows } from '../../../extension/model/tree-rows.ts'

const NOW_MS = 1_700_000_000_000

function createLag(lag: Partial<LagRow>): LagRow {
  return {
    group: 'fraud',
    topic: 'payments',
    partition: 0,
    committedOffset: 1851,
    leaderEpoch: 0,
    metadata: '',
    committedAtMs: NOW_MS - 120_000,
    logStartOffset: 0,
    logEndOffset: 3055,
    lag: 1204,
    lagRecords: 1204,
    lagState: 'behind',
    reason: null,
    memberId: null,
    clientId: null,
    host: null,
    ...lag,
  }
}

function createGroup(rows: readonly LagRow[], group: Partial<GroupSnapshot> = {}): GroupSnapshot {
  return { group: 'fraud', type: 'consumer', state: 'Empty', rows, health: undefined, ...group }
}

function createSource(groups: readonly GroupSnapshot[], source: Partial<SourceSnapshot> = {}): SourceSnapshot {
  return { id: '/data', name: 'data', status: { kind: 'read' }, groups, readAtMs: NOW_MS, ...source }
}

/** The rows as text, two blanks per level. */
function drawn(sources: readonly SourceSnapshot[], locale = 'en', look = DEFAULT_LOOK): readonly string[] {
  return lines(treeRows(sources, look, { words: new QuantityWords(locale), nowMs: NOW_MS }))
}

function lines(rows: readonly TreeRow[], indent = ''): readonly string[] {
  return rows.flatMap((row) => [`${indent}${row.label} | ${row.description}`, ...lines(row.children, `${indent}  `)])
}

test('a group with one partition is one row', () => {
  expect(drawn([createSource([createGroup([createLag({})])])])).toEqual([
    'fraud | 1,204 behind · not running · payments',
  ])
})

test('a group with one topic has its partitions below it', () => {
  const rows = [
    createLag({}),
    createLag({
      partition: 1,
      lagState: 'up-to-date',
      lag: 0,
      lagRecords: 0,
      committedOffset: 3055,
      clientId: 'worker',
    }),
  ]
  expect(drawn([createSource([createGroup(rows, { state: 'Stable' })])])).toEqual([
    'fraud | 1,204 behind · running · payments',
    '  partition 0 | 1,204 behind · 1,851 of 3,055 · 2 min ago',
    '  partition 1 | up to date · 3,055 of 3,055 · 2 min ago · worker',
  ])
})

test('members of a program that was killed hold nothing any more, though its files still name them', () => {
  const rows = [createLag({ clientId: 'worker' }), createLag({ partition: 1, clientId: 'worker' })]
  const progress = { processedPerSecond: null, appendedPerSecond: null, lastProgressAtMs: null }
  const killed = createGroup(rows, { state: 'Stable', health: { members: 0, verdicts: [], progress } as never })
  expect(drawn([createSource([killed])])).toEqual([
    'fraud | 2,408 behind · not running · payments',
    '  partition 0 | 1,204 behind · 1,851 of 3,055 · 2 min ago',
    '  partition 1 | 1,204 behind · 1,851 of 3,055 · 2 min ago',
  ])
})

test('several topics are a level of their own, a topic with one partition has none below', () => {
  const rows = [createLag({}), createLag({ partition: 1 }), createLag({ topic: 'refunds' })]
  expect(drawn([createSource([createGroup(rows)])])).toEqual([
    'fraud | 3,612 behind · not running',
    '  payments | 2,408 behind',
    '    partition 0 | 1,204 behind · 1,851 of 3,055 · 2 min ago',
    '    partition 1 | 1,204 behind · 1,851 of 3,055 · 2 min ago',
    '  refunds | 1,204 behind · 1,851 of 3,055 · 2 min ago',
  ])
})

test('a single source has no row, two have one each, and one that cannot be read says why', () => {
  const one = createSource([createGroup([createLag({})])])
  const gone = createSource([], {
    id: '/x',
    name: 'x',
    status: { kind: 'unavailable', reason: 'There is no directory.' },
  })
  expect(drawn([one])).toHaveLength(1)
  expect(drawn([one, gone])).toEqual([
    'data | 1 group',
    '  fraud | 1,204 behind · not running · payments',
    'x | There is no directory.',
  ])
  expect(drawn([gone])).toEqual(['x | There is no directory.'])
})

test.for<[Partial<LagRow>, string]>([
  [
    { lagState: 'never-committed', committedOffset: null, committedAtMs: null, lag: null, lagRecords: 12 },
    'never committed, 12 readable',
  ],
  [
    { lagState: 'never-committed', committedOffset: null, committedAtMs: null, lag: null, lagRecords: 0 },
    'never committed, nothing to read yet',
  ],
  [{ lagState: 'lost', logStartOffset: 2_000 }, '149 lost, 1,204 behind'],
  [{ lagState: 'past-the-end', lag: -45, lagRecords: 0 }, '45 past the end'],
  [{ lagState: 'topic-deleted', lag: null, lagRecords: null }, 'topic deleted'],
  [{ lagState: 'unavailable', lag: null, lagRecords: null, reason: 'the disk is gone' }, 'unavailable'],
  [{ lagState: 'behind', lagRecords: null }, '1,204 behind'],
])('the words of a group in the state %o', ([lag, words]) => {
  expect(drawn([createSource([createGroup([createLag(lag)])])])[0]).toContain(`| ${words} ·`)
})

test('numbers are whole, in the language of whoever looks', () => {
  const row = createLag({ lag: 1_234_567, lagRecords: 1_234_567 })
  expect(drawn([createSource([createGroup([row])])], 'de')[0]).toContain('1.234.567')
})

test('ids tell groups apart whatever characters their names have, and stay when numbers change', () => {
  const names = ['a', 'a"', 'a\\', 'a/b', 'a","b', '["a"]', '', ' ', 'ä\u0000\n']
  const ids = (lag: number) =>
    treeRows([createSource(names.map((group) => createGroup([createLag({ group, lag })], { group })))], DEFAULT_LOOK, {
      words: new QuantityWords('en'),
      nowMs: NOW_MS,
    }).map(({ id }) => id)
  expect(new Set(ids(1)).size).toBe(names.length)
  expect(ids(1)).toEqual(ids(2))
})

test('by topic, too, only the groups that have changed are put into words again', () => {
  const words = new QuantityWords('en')
  const look = { ...DEFAULT_LOOK, by: 'topic' } as const
  const both = [createLag({}), createLag({ topic: 'refunds' })]
  const mail = createGroup([createLag({ group: 'mail' })], { group: 'mail' })
  const rowsOf = (fraud: GroupSnapshot) =>
    treeRows([createSource([fraud, mail])], look, { words, nowMs: NOW_MS }).flatMap(({ children }) => children)
  const fraud = createGroup(both)
  const before = rowsOf(fraud)
  expect(before.map(({ label, description }) => `${label} ${description}`)).toEqual([
    'fraud 1,204 behind · not running',
    'mail 1,204 behind · not running',
    'fraud 1,204 behind · not running',
  ])
  expect(rowsOf(fraud).every((row, at) => row === before[at])).toBe(true)
  const after = rowsOf({ ...fraud })
  expect(after.map((row, at) => row === before[at])).toEqual([false, true, false])
})
