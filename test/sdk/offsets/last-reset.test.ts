import { expect, test } from 'vitest'
import type { CommitHistoryEntry } from '../../../sdk/offsets/commit-history.ts'
import { lastReset, partitionsLost, type Timeline } from '../../../sdk/offsets/last-reset.ts'
import { type CommittedPosition, resetMetadata } from '../../../sdk/offsets/reset-metadata.ts'

const at40 = { offset: 40, leaderEpoch: 3, metadata: 'm' }

function commit(timestampMs: number, { offset, leaderEpoch, metadata }: CommittedPosition): CommitHistoryEntry {
  return { kind: 'commit', offset, leaderEpoch, metadata, timestampMs, topicId: null, logOffset: timestampMs }
}

function reset(timestampMs: number, before: CommittedPosition | null, partitions = 1): CommitHistoryEntry {
  return commit(timestampMs, { offset: 10, leaderEpoch: -1, metadata: resetMetadata(before, partitions) })
}

function removed(timestampMs: number): CommitHistoryEntry {
  return { kind: 'tombstone', offset: null, timestampMs, metadata: null, logOffset: timestampMs }
}

function line(partition: number, ...entries: CommitHistoryEntry[]): Timeline {
  return { topic: 't', partition, entries }
}

const later = { offset: 12, leaderEpoch: 3, metadata: '' }

/** What the group did, and what undo finds: [partition, before, moved on]. */
const CASES: readonly (readonly [string, readonly Timeline[], readonly unknown[]])[] = [
  ['nothing was reset', [line(0, commit(1, at40))], []],
  ['a reset', [line(0, commit(1, at40), reset(2, at40))], [[0, at40, false]]],
  ['a reset of a partition without a commit', [line(0, reset(2, null))], [[0, null, false]]],
  ['the history reaches back to the reset only', [line(0, reset(2, at40))], [[0, at40, false]]],
  ['the group went on', [line(0, reset(2, at40), commit(3, later))], [[0, at40, true]]],
  ['it was undone', [line(0, reset(2, at40), commit(3, at40))], []],
  ['it was undone, then the group went on', [line(0, reset(2, at40), commit(3, at40), commit(4, later))], []],
  ['it was undone by removing', [line(0, reset(2, null), removed(3))], []],
  ['the commit was removed by others', [line(0, reset(2, at40), removed(3))], [[0, at40, true]]],
  [
    'several partitions at once, one of which went on',
    [line(0, reset(2, at40)), line(1, reset(2, at40), commit(3, later))],
    [
      [0, at40, false],
      [1, at40, true],
    ],
  ],
  [
    'an earlier reset of another partition stays',
    [line(0, reset(2, at40)), line(1, reset(5, null))],
    [[1, null, false]],
  ],
  [
    'once the later one is undone, the earlier one is next',
    [line(0, reset(2, at40)), line(1, reset(5, null), removed(6))],
    [[0, at40, false]],
  ],
]

test.each(CASES)('%s', (_, timelines, expected) => {
  const found = lastReset(timelines, () => true)
  expect(found.map(({ partition, before, hasMovedOn }) => [partition, before, hasMovedOn])).toEqual(expected)
})

test('only wanted partitions are looked at', () => {
  const timelines = [line(0, reset(2, at40)), line(1, reset(5, null))]
  expect(lastReset(timelines, ({ partition }) => partition === 0)).toMatchObject([{ partition: 0, before: at40 }])
})

test('partitions of which compaction left only what came after the reset are counted as lost', () => {
  const whole = [line(0, reset(2, at40, 2)), line(1, reset(2, at40, 2), commit(3, later))]
  expect(partitionsLost(whole)).toBe(0)
  const compacted = [line(0, reset(2, at40, 2)), line(1, commit(3, later))]
  expect(partitionsLost(compacted)).toBe(1)
  // An earlier reset, and one that was undone in part, say nothing of the last.
  expect(partitionsLost([line(0, reset(2, at40, 5)), line(1, reset(4, at40))])).toBe(0)
  expect(partitionsLost([line(0, reset(2, at40, 2)), line(1, reset(2, at40, 2), commit(3, at40))])).toBe(0)
  expect(partitionsLost([line(0, commit(1, at40))])).toBe(0)
  // A later one was undone, which put the earlier one's commit of that partition back.
  const first = reset(2, at40, 2)
  const again = commit(5, { offset: 10, leaderEpoch: -1, metadata: first.metadata! })
  const undone = [line(0, first, reset(4, { offset: 10, leaderEpoch: -1, metadata: first.metadata! }), again)]
  expect(partitionsLost([...undone, line(1, reset(2, at40, 2), commit(3, later)), line(2, commit(7, later))])).toBe(0)
})
