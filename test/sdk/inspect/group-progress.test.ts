import { expect, test } from 'vitest'
import {
  longestPauseMs,
  type ProgressQuestion,
  progressOf,
  progressOfGroup,
  repeatedCommits,
} from '../../../sdk/inspect/group-progress.ts'
import type { CommitHistoryEntry } from '../../../sdk/offsets/commit-history.ts'
import { resetMetadata } from '../../../sdk/offsets/reset-metadata.ts'

const NOW_MS = 1_700_000_600_000

/** Seconds before now. */
function ago(seconds: number): number {
  return NOW_MS - seconds * 1000
}

function commit(secondsAgo: number, offset: number, metadata = ''): CommitHistoryEntry {
  return { kind: 'commit', offset, leaderEpoch: 0, timestampMs: ago(secondsAgo), metadata, topicId: null, logOffset: 0 }
}

function reset(secondsAgo: number, offset: number): CommitHistoryEntry {
  return commit(secondsAgo, offset, resetMetadata({ offset: 1, leaderEpoch: 0, metadata: '' }))
}

function removed(secondsAgo: number): CommitHistoryEntry {
  return { kind: 'tombstone', offset: null, timestampMs: ago(secondsAgo), metadata: null, logOffset: 0 }
}

function ask(
  commits: CommitHistoryEntry[],
  ends: (readonly [number, number])[],
  nextRecordSecondsAgo: number | null = null,
) {
  const question: ProgressQuestion = {
    commits,
    ends: ends.map(([secondsAgo, offset]) => ({ atMs: ago(secondsAgo), offset })),
    nextRecordAtMs: nextRecordSecondsAgo === null ? null : ago(nextRecordSecondsAgo),
    nowMs: NOW_MS,
  }
  return progressOf(question)
}

const CASES: readonly (readonly [string, ReturnType<typeof ask>, object])[] = [
  [
    'catching up: rates, trend and the time that is left',
    ask(
      [commit(100, 0), commit(50, 500), commit(0, 1000)],
      [
        [100, 1900],
        [0, 2000],
      ],
      40,
    ),
    {
      processedPerSecond: 10,
      appendedPerSecond: 1,
      lag: 1000,
      lagBefore: 1900,
      trend: 'shrinking',
      etaMs: 111_111,
      timeLagMs: 40_000,
      lastProgressAtMs: ago(0),
    },
  ],
  [
    'falling behind: no time is given',
    ask(
      [commit(100, 0), commit(0, 100)],
      [
        [100, 0],
        [0, 1000],
      ],
      90,
    ),
    {
      processedPerSecond: 1,
      appendedPerSecond: 10,
      lag: 900,
      lagBefore: 0,
      trend: 'growing',
      etaMs: null,
      timeLagMs: 90_000,
    },
  ],
  [
    'keeping up with a small lag',
    ask(
      [commit(100, 0), commit(0, 1000)],
      [
        [100, 5],
        [0, 1005],
      ],
      1,
    ),
    { processedPerSecond: 10, appendedPerSecond: 10, lag: 5, lagBefore: 5, trend: 'steady', etaMs: null },
  ],
  [
    'everything processed',
    ask(
      [commit(100, 0), commit(10, 50)],
      [
        [100, 0],
        [0, 50],
      ],
    ),
    { processedPerSecond: 0.5, lag: 0, trend: 'steady', etaMs: 0, timeLagMs: 0, lastProgressAtMs: ago(10) },
  ],
  [
    'the clock was set back, so the end of then is taken for one before the commit: nothing waited, and nothing waits',
    ask(
      [commit(100, 50), commit(10, 80)],
      [
        [100, 20],
        [0, 80],
      ],
    ),
    { lag: 0, lagBefore: -30, trend: 'steady', etaMs: 0 },
  ],
  [
    'standing still: the rate is 0 and the last progress long ago',
    ask(
      [commit(5000, 0), commit(4000, 70)],
      [
        [600, 100],
        [0, 100],
      ],
      3000,
    ),
    {
      processedPerSecond: 0,
      appendedPerSecond: 0,
      lag: 30,
      lagBefore: 30,
      trend: 'steady',
      lastProgressAtMs: ago(4000),
      timeLagMs: 3_000_000,
    },
  ],
  [
    'repeated commits are no progress',
    ask(
      [commit(500, 0), commit(400, 70), commit(300, 70), commit(5, 70)],
      [
        [600, 100],
        [0, 100],
      ],
      500,
    ),
    { lastProgressAtMs: ago(400), lag: 30 },
  ],
  [
    'only the last ten minutes count',
    ask(
      [commit(7000, 0), commit(700, 10_000), commit(0, 10_600)],
      [
        [7000, 0],
        [600, 20_000],
        [0, 20_000],
      ],
      10,
    ),
    { processedPerSecond: 1, appendedPerSecond: 0, lag: 9400, lagBefore: 10_000, trend: 'shrinking', etaMs: 9_400_000 },
  ],
  [
    'a reset back is not processing, and the records after it are processed anew',
    ask(
      [commit(100, 1000), reset(50, 0), commit(0, 100)],
      [
        [100, 1000],
        [0, 1000],
      ],
      90,
    ),
    { processedPerSecond: 1, lag: 900, trend: 'growing', lastProgressAtMs: ago(0) },
  ],
  [
    'a reset ahead is not processing either',
    ask(
      [commit(100, 0), reset(50, 900), commit(0, 1000)],
      [
        [100, 1000],
        [0, 1000],
      ],
    ),
    { processedPerSecond: 1, lag: 0, etaMs: 0 },
  ],
  [
    'the log grew between two samples as evenly as can be told',
    ask(
      [commit(50, 0), commit(0, 50)],
      [
        [100, 0],
        [0, 100],
      ],
      10,
    ),
    { lagBefore: 50, lag: 50, trend: 'steady', appendedPerSecond: 1 },
  ],
  [
    'nothing committed: only the age of the first record is known',
    ask(
      [],
      [
        [100, 0],
        [0, 100],
      ],
      60,
    ),
    { processedPerSecond: null, lag: null, trend: 'unknown', etaMs: null, timeLagMs: 60_000, lastProgressAtMs: null },
  ],
  [
    'one commit of this very moment has no rate',
    ask(
      [commit(0, 10)],
      [
        [100, 0],
        [0, 100],
      ],
      60,
    ),
    { processedPerSecond: null, lag: 90, trend: 'unknown', etaMs: null },
  ],
  [
    'a removed commit leaves nothing to count from',
    ask(
      [commit(90, 10), removed(10)],
      [
        [100, 0],
        [0, 100],
      ],
    ),
    { lag: null, trend: 'unknown' },
  ],
  [
    'a record from the future is no negative age',
    ask(
      [commit(90, 10)],
      [
        [100, 0],
        [0, 100],
      ],
      -5,
    ),
    { timeLagMs: 0 },
  ],
]

test.each(CASES)('%s', (_, progress, expected) => {
  expect(progress).toMatchObject(expected)
})

test("a group's progress is the sum of its partitions, its age the oldest", () => {
  const fast = ask(
    [commit(100, 0), commit(0, 1000)],
    [
      [100, 1000],
      [0, 1000],
    ],
  )
  const slow = ask(
    [commit(100, 0), commit(0, 100)],
    [
      [100, 1000],
      [0, 1000],
    ],
    70,
  )
  expect(progressOfGroup([fast, slow])).toMatchObject({
    processedPerSecond: 11,
    lag: 900,
    lagBefore: 2000,
    trend: 'shrinking',
    etaMs: 81_818,
    timeLagMs: 70_000,
    lastProgressAtMs: ago(0),
  })
  expect(progressOfGroup([])).toMatchObject({ processedPerSecond: null, lag: null, trend: 'unknown', timeLagMs: null })
})

test('the longest pause is between commits that moved', () => {
  expect(longestPauseMs([commit(100, 0), commit(90, 5), commit(80, 5), commit(40, 9), commit(39, 10)])).toBe(50_000)
  expect(longestPauseMs([commit(100, 0)])).toBe(0)
})

test('commits are repeated only while a record waits', () => {
  const idle = [commit(100, 5), commit(95, 5), commit(90, 5)]
  expect(repeatedCommits(idle, ago(1000))).toBe(2)
  expect(repeatedCommits(idle, ago(92))).toBe(1)
  expect(repeatedCommits(idle, ago(80))).toBe(0)
  expect(repeatedCommits([...idle, commit(50, 6)], 0)).toBe(0)
})

test('commits that tell of attempts further on, or that there are none any more, are not repeated ones', () => {
  const trying = (secondsAgo: number) => commit(secondsAgo, 5, '{"tidemark":"attempts","of":{"7":2}}')
  const commits = [commit(100, 5), trying(95), commit(90, 5), trying(85), trying(80), commit(75, 5)]
  expect(repeatedCommits(commits, 0)).toBe(0)
  expect(repeatedCommits([...commits, commit(70, 5)], 0)).toBe(1)
})
