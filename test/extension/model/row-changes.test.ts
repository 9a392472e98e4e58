import { expect, test } from 'vitest'
import { rowChanges } from '../../../extension/model/row-changes.ts'
import type { TreeRow } from '../../../extension/model/tree-row.ts'

function createRow(id: string, description = '', children: readonly TreeRow[] = []): TreeRow {
  return {
    id,
    kind: 'group',
    label: id,
    description,
    tooltip: '',
    spoken: id,
    icon: { name: 'pass' },
    target: { source: 's' },
    context: '',
    trouble: 'none',
    children,
  }
}

test('nothing is drawn again where nothing has changed', () => {
  const rows = () => [createRow('a', '1 behind', [createRow('a0', '1'), createRow('a1')])]
  expect(rowChanges(rows(), rows())).toEqual({ root: false, ids: [] })
})

test('a number that changes draws its own row again, not its parent or its sisters', () => {
  const before = [createRow('a', '', [createRow('a0', '1'), createRow('a1', '7')]), createRow('b')]
  const after = [createRow('a', '', [createRow('a0', '2'), createRow('a1', '7')]), createRow('b')]
  expect(rowChanges(before, after)).toEqual({ root: false, ids: ['a0'] })
})

test('what only its tooltip says, as a rate that slides, draws no row again', () => {
  const tooltip = (rate: string) => [{ ...createRow('a', '1 behind'), tooltip: `arriving: ${rate} a second` }]
  expect(rowChanges(tooltip('20'), tooltip('21'))).toEqual({ root: false, ids: [] })
})

test('a row whose children come, go or change places is drawn again, and its children by it', () => {
  const before = [createRow('a', '', [createRow('a0')]), createRow('b', '', [createRow('b0'), createRow('b1')])]
  const after = [
    createRow('a', '', [createRow('a0'), createRow('a1')]),
    createRow('b', '', [createRow('b1'), createRow('b0')]),
  ]
  expect(rowChanges(before, after)).toEqual({ root: false, ids: ['a', 'b'] })
})

test('rows of the top level that come, go or change places concern the whole view', () => {
  expect(rowChanges([createRow('a')], [createRow('a'), createRow('b')]).root).toBe(true)
  expect(rowChanges([createRow('a'), createRow('b')], [createRow('b'), createRow('a')]).root).toBe(true)
  expect(rowChanges([createRow('a')], []).root).toBe(true)
})
