import type { LagRow } from 'tidemark'
import { expect, test } from 'vitest'
import { overviewOf, overviewWords } from '../../../extension/model/overview.ts'
import { QuantityWords } from '../../../extension/model/quantity-words.ts'
import type { GroupSnapshot, SourceSnapshot } from '../../../extension/model/snapshot.ts'
import { DEFAULT_LOOK, lookAt, type TreeLook } from '../../../extension/model/tree-look.ts'
import { emptyCause } from '../../../extension/model/view-state.ts'

function createGroup(group: string, lagRecords: number, lagState: LagRow['lagState'] = 'behind'): GroupSnapshot {
  const row = { group, topic: 'payments', partition: 0, lagRecords, lag: lagRecords, lagState } as LagRow
  return { group, type: 'consumer', state: 'Empty', rows: [row], health: undefined }
}

function names(groups: readonly GroupSnapshot[], look: Partial<TreeLook>): readonly string[] {
  return lookAt(groups, { ...DEFAULT_LOOK, ...look }).map(({ group }) => group)
}

const GROUPS = [
  createGroup('done', 0, 'up-to-date'),
  createGroup('big', 1_000_000),
  createGroup('lossy', 3, 'lost'),
  createGroup('orphan', 0, 'topic-deleted'),
]

test('sorted by trouble, what is wrong comes first, then the most behind', () => {
  expect(names(GROUPS, {})).toEqual(['lossy', 'orphan', 'big', 'done'])
})

test('sorted by lag or by name', () => {
  expect(names(GROUPS, { sort: 'lag' })).toEqual(['big', 'lossy', 'done', 'orphan'])
  expect(names(GROUPS, { sort: 'name' })).toEqual(['big', 'done', 'lossy', 'orphan'])
})

test('rows do not change places with every record, only when one is twice as far behind', () => {
  const order = (a: number, b: number) => names([createGroup('a', a), createGroup('b', b)], {}).join('')
  expect(order(1_000, 1_010)).toBe('ab')
  expect(order(1_010, 1_000)).toBe('ab')
  expect(order(1_000, 3_000)).toBe('ba')
})

test('finished groups can be left out, those in trouble never are', () => {
  expect(names(GROUPS, { hideFinished: true })).toEqual(['lossy', 'orphan', 'big'])
})

test('the filter looks at names of groups and topics, in any case', () => {
  expect(names(GROUPS, { filter: ' LOSS ' })).toEqual(['lossy'])
  expect(names(GROUPS, { filter: 'paym' })).toHaveLength(4)
  expect(names(GROUPS, { filter: 'nothing' })).toEqual([])
})

function createSource(source: Partial<SourceSnapshot>): SourceSnapshot {
  return { id: '/data', name: 'data', status: { kind: 'read' }, groups: [], readAtMs: 0, ...source }
}

test('the overview counts the groups in trouble, otherwise what is left to read', () => {
  const words = new QuantityWords('en')
  const of = (groups: readonly GroupSnapshot[]) => overviewWords(overviewOf([createSource({ groups })]), words)
  expect(of(GROUPS)).toBe('2 groups in trouble')
  expect(of([createGroup('lossy', 3, 'lost')])).toBe('lossy in trouble')
  expect(of([createGroup('big', 1_204)])).toBe('1,204 behind')
  expect(of([createGroup('done', 0, 'up-to-date')])).toBe('up to date')
  expect(of([])).toBe('no groups')
})

test('an empty view knows its cause', () => {
  const place = { hasFolder: true, isSearched: true }
  const full = createSource({ groups: GROUPS })
  expect(emptyCause([full], 4, place)).toBe('')
  expect(emptyCause([full], 0, place)).toBe('noMatch')
  expect(emptyCause([createSource({})], 0, place)).toBe('noGroups')
  expect(emptyCause([createSource({ status: { kind: 'reading' } })], 0, place)).toBe('searching')
  expect(emptyCause([], 0, place)).toBe('noDirectory')
  expect(emptyCause([], 0, { hasFolder: false, isSearched: true })).toBe('noFolder')
  expect(emptyCause([], 0, { hasFolder: false, isSearched: false })).toBe('searching')
})
