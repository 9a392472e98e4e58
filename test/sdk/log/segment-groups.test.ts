import { expect, test } from 'vitest'
import { DEFAULT_LOG_CONFIG } from '../../../sdk/log/log-config.ts'
import { type GroupedSegment, groupSegments } from '../../../sdk/log/segment-groups.ts'

/** Segments by size, ten offsets each; their bases by group. */
function group(sizes: readonly number[], { indexBytes = 8, offsetsEach = 10 } = {}): number[][] {
  const segments = sizes.map((sizeBytes, at): GroupedSegment => {
    return { baseOffset: at * offsetsEach, limitOffset: (at + 1) * offsetsEach, sizeBytes }
  })
  const config = { ...DEFAULT_LOG_CONFIG, segmentBytes: 100, segmentIndexBytes: 80 }
  const groups = groupSegments(segments, config, () => ({ offsets: indexBytes, times: indexBytes }))
  return groups.map((each) => each.map(({ baseOffset }) => baseOffset / offsetsEach))
}

test('neighbours are merged as long as they fit into segment.bytes', () => {
  expect(group([60, 40, 1, 99, 100, 0, 200, 5])).toEqual([[0, 1], [2, 3], [4, 5], [6], [7]])
  expect(group([])).toEqual([])
})

test('and as long as their index entries fit', () => {
  expect(group([1, 1, 1], { indexBytes: 40 })).toEqual([[0, 1], [2]])
})

test('and as long as an index can say their offsets', () => {
  expect(group([1, 1, 1], { offsetsEach: 2 ** 30 })).toEqual([[0, 1], [2]])
})
