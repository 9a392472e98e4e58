import { expect, test } from 'vitest'
import type { LagRow } from '../../../sdk/client/lag.ts'
import { type GroupFacts, judgeGroup, type PartitionFacts, spanWords } from '../../../sdk/inspect/health-rules.ts'
import { DEFAULT_HEALTH_LIMITS, worstOf } from '../../../sdk/inspect/health-verdict.ts'
import type { DepartureFacts } from '../../../sdk/inspect/stuck-tries.ts'
import type { CommitHistoryEntry } from '../../../sdk/offsets/commit-history.ts'

const NOW_MS = 1_700_000_600_000
const MINUTE_MS = 60_000

function row(changes: Partial<LagRow> = {}): LagRow {
  return {
    group: 'g',
    topic: 't',
    partition: 0,
    committedOffset: 40,
    leaderEpoch: 0,
    metadata: '',
    committedAtMs: NOW_MS - 10 * MINUTE_MS,
    logStartOffset: 0,
    logEndOffset: 100,
    lag: 60,
    lagRecords: 60,
    lagState: 'behind',
    reason: null,
    memberId: 'member-1',
    clientId: 'fraud',
    host: '/127.0.0.1',
    ...changes,
  }
}

/** A partition that moves along: the oldest of 60 records waits for 10 s, the last commit is 2 s old. */
function partition(
  changes: Partial<Omit<PartitionFacts, 'row' | 'progress'>> = {},
  of: { row?: Partial<LagRow>; progress?: Partial<PartitionFacts['progress']> } = {},
): PartitionFacts {
  return {
    row: row(of.row),
    partitionId: `t:${of.row?.partition ?? 0}`,
    progress: {
      processedPerSecond: 10,
      appendedPerSecond: 10,
      lag: 60,
      lagBefore: 60,
      trend: 'steady',
      etaMs: null,
      timeLagMs: 10_000,
      lastProgressAtMs: NOW_MS - 2000,
      ...of.progress,
    },
    commits: [],
    nextRecord: { offset: 40, timestampMs: NOW_MS - 10_000 },
    retentionMs: -1,
    retentionBytes: -1,
    ...changes,
  }
}

function group(partitions: readonly PartitionFacts[], changes: Partial<GroupFacts> = {}): GroupFacts {
  const who = { members: ['fraud'], formerMembers: [], dividingSinceMs: null, departures: [] }
  return { group: 'g', state: 'Stable', ...who, partitions, ...changes }
}

function commits(minutesAgo: readonly number[], offsetAt: (index: number) => number): CommitHistoryEntry[] {
  return minutesAgo.map((minutes, index) => ({
    kind: 'commit',
    offset: offsetAt(index),
    leaderEpoch: 0,
    timestampMs: NOW_MS - minutes * MINUTE_MS,
    metadata: '',
    topicId: null,
    logOffset: index,
  }))
}

/** Members that got these partitions, each of them with 100 records, and left. Commits come right before they leave. */
function departures(minutesAgo: readonly number[], partitions: readonly number[]): DepartureFacts[] {
  const ids = partitions.map((number) => `t:${number}`)
  return minutesAgo.map((minutes, index) => ({
    atMs: NOW_MS - minutes * MINUTE_MS,
    partitions: new Set(ids),
    fromLogOffset: index,
    toLogOffset: index + 1,
    endOffsets: new Map(ids.map((id) => [id, 100 * (index + 1)])),
  }))
}

/** Partition 1 gets 100 records before each of the members comes, who reads some of them. */
function otherPartition(minutesAgo: readonly number[], { read }: { read: number }): PartitionFacts {
  const progress = { lastProgressAtMs: NOW_MS - minutesAgo.at(-1)! * MINUTE_MS }
  const facts = { commits: commits(minutesAgo, (index) => read * (index + 1)) }
  return partition(facts, { row: { partition: 1 }, progress })
}

const LONG_AGO = { offset: 40, timestampMs: NOW_MS - 20 * MINUTE_MS }
const SINCE_12_MIN = { nextRecord: LONG_AGO }
const NO_PROGRESS = { progress: { lastProgressAtMs: NOW_MS - 12 * MINUTE_MS } }
const NOBODY = { members: [] }
const GROWING = { progress: { trend: 'growing', timeLagMs: 2 * MINUTE_MS, lagBefore: 10 } } as const

/** [what, the group, its verdicts as "severity rule partition"] */
const CASES: readonly (readonly [string, GroupFacts, readonly string[]])[] = [
  ['a group that moves along', group([partition()]), []],
  [
    'a group that has done everything',
    group([partition({ nextRecord: null }, { row: { lagState: 'up-to-date', lag: 0, lagRecords: 0 } })], NOBODY),
    [],
  ],
  ['nothing committed, nothing there', group([]), []],
  // Commits that point to nowhere.
  [
    'records were deleted unread',
    group([partition({}, { row: { lagState: 'lost', logStartOffset: 50 } })]),
    ['error lost-records 0'],
  ],
  [
    'a commit past the end',
    group([partition({}, { row: { lagState: 'past-the-end', lag: -10 } })]),
    ['error past-the-end 0'],
  ],
  [
    'a deleted topic',
    group([partition({}, { row: { lagState: 'topic-deleted', lag: null } })], NOBODY),
    ['warning topic-deleted 0'],
  ],
  [
    'a log that cannot be read',
    group([partition({}, { row: { lagState: 'unavailable', reason: 'it is damaged' } })]),
    ['error unavailable 0'],
  ],
  // Nobody there.
  ['nobody is there, for a moment', group([partition()], NOBODY), []],
  [
    'nobody is there, for twenty minutes',
    group([partition(SINCE_12_MIN), partition(SINCE_12_MIN)], NOBODY),
    ['warning no-members null'],
  ],
  [
    'the program is gone',
    group([partition(SINCE_12_MIN)], { members: [], formerMembers: ['fraud'] }),
    ['warning no-members null'],
  ],
  [
    'nobody is there, and no record can be read',
    group([partition({ nextRecord: null })], NOBODY),
    ['warning no-members null'],
  ],
  // No progress.
  [
    'a long body is not stuck while its member is alive',
    group([partition({}, { progress: { lastProgressAtMs: NOW_MS - 4 * MINUTE_MS } })]),
    [],
  ],
  ['nothing for 12 minutes, a member is alive', group([partition(SINCE_12_MIN, NO_PROGRESS)]), ['warning stalled 0']],
  ['nothing for 12 minutes, but the record is new', group([partition({}, NO_PROGRESS)]), []],
  [
    'nothing for 12 minutes, as often before',
    group([partition({ ...SINCE_12_MIN, commits: commits([40, 34, 28, 12], (n) => n) }, NO_PROGRESS)]),
    [],
  ],
  [
    'never any progress, and its first record came long ago',
    group([
      partition(
        { nextRecord: LONG_AGO },
        {
          row: { lagState: 'never-committed', committedOffset: null, committedAtMs: null },
          progress: { lastProgressAtMs: null },
        },
      ),
    ]),
    ['warning stalled 0'],
  ],
  [
    'members came and went, three times, in front of one record',
    group([partition(SINCE_12_MIN, NO_PROGRESS)], { departures: departures([11, 8, 4], [0]) }),
    ['error stuck 0'],
  ],
  [
    'the same, and nobody is there now',
    group([partition(SINCE_12_MIN, NO_PROGRESS)], { ...NOBODY, departures: departures([11, 8, 4], [0]) }),
    ['warning no-members null', 'error stuck 0'],
  ],
  [
    'members came and went, but before the last progress',
    group([partition(SINCE_12_MIN, { progress: { lastProgressAtMs: NOW_MS - 4 * MINUTE_MS } })], {
      departures: departures([30, 20, 15], [0]),
    }),
    [],
  ],
  [
    'members came and went, but moved others that have more: this one may just not have had its turn',
    group([partition(SINCE_12_MIN, NO_PROGRESS), otherPartition([11, 8, 4], { read: 10 })], {
      departures: departures([11, 8, 4], [0, 1]),
    }),
    ['notice stuck 0'],
  ],
  [
    'members came and went, read all that the others had, and did not move this one',
    group([partition(SINCE_12_MIN, NO_PROGRESS), otherPartition([11, 8, 4], { read: 100 })], {
      departures: departures([11, 8, 4], [0, 1]),
    }),
    ['error stuck 0'],
  ],
  [
    'members came and went and moved nothing, while other members moved other partitions',
    group([partition(SINCE_12_MIN, NO_PROGRESS), otherPartition([11, 8, 4], { read: 10 })], {
      departures: departures([11, 8, 4], [0]),
    }),
    ['error stuck 0'],
  ],
  [
    'members came and went and moved none of two: one of them is in the way',
    group([partition(SINCE_12_MIN, NO_PROGRESS), partition(SINCE_12_MIN, { ...NO_PROGRESS, row: { partition: 1 } })], {
      departures: departures([11, 8, 4], [0, 1]),
    }),
    ['error stuck 0', 'error stuck 1'],
  ],
  [
    'the same commit again and again, in front of a waiting record',
    group([partition({ ...SINCE_12_MIN, commits: commits([25, 3, 2, 1], () => 40) }, NO_PROGRESS)]),
    ['error stuck 0'],
  ],
  [
    'the same commit again and again, while nothing waited',
    group([partition({ commits: commits([25, 3, 2, 1], () => 40) }, {})]),
    [],
  ],
  [
    'a topic that no member reads any more',
    group([partition(SINCE_12_MIN, { ...NO_PROGRESS, row: { memberId: null } })]),
    ['notice unassigned 0'],
  ],
  // Too slow.
  ['falling behind', group([partition({}, GROWING)]), ['warning falling-behind 0']],
  ['a burst of a few seconds', group([partition({}, { progress: { trend: 'growing', timeLagMs: 5000 } })]), []],
  // Not begun.
  [
    'a group that has just started',
    group([
      partition(
        {},
        {
          row: { lagState: 'never-committed', committedOffset: null, lag: null },
          progress: { lastProgressAtMs: null },
        },
      ),
    ]),
    ['notice never-committed 0'],
  ],
  [
    'an empty partition that was never committed',
    group([
      partition({ nextRecord: null }, { row: { lagState: 'never-committed', committedOffset: null, lagRecords: 0 } }),
    ]),
    [],
  ],
  // Retention.
  ['unread records, and retention far away', group([partition({ retentionMs: 60 * MINUTE_MS })]), []],
  [
    'unread records with a tenth of retention left',
    group([
      partition({ retentionMs: 20 * MINUTE_MS, nextRecord: { offset: 40, timestampMs: NOW_MS - 18 * MINUTE_MS } }),
    ]),
    ['warning retention-risk 0'],
  ],
  [
    'unread records past retention',
    group([partition({ retentionMs: 15 * MINUTE_MS, nextRecord: LONG_AGO })]),
    ['error retention-risk 0'],
  ],
  [
    'most of a log of limited size is unread',
    group([partition({ retentionBytes: 1 }, { row: { logStartOffset: 35 } })]),
    ['warning retention-risk 0'],
  ],
  [
    'a log of limited size that never deleted',
    group([partition({ retentionBytes: 1 }, { row: { committedOffset: 0 } })]),
    [],
  ],
  [
    'falling behind, and retention is near',
    group([partition({ retentionMs: 15 * MINUTE_MS, nextRecord: LONG_AGO }, GROWING)]),
    ['warning falling-behind 0', 'error retention-risk 0'],
  ],
  // Dividing.
  [
    'dividing partitions for a minute',
    group([partition()], { state: 'Reconciling', dividingSinceMs: NOW_MS - MINUTE_MS }),
    [],
  ],
  [
    'dividing partitions for ten minutes',
    group([partition()], { state: 'Reconciling', dividingSinceMs: NOW_MS - 10 * MINUTE_MS }),
    ['warning rebalancing null'],
  ],
  ['dividing, and nobody knows since when', group([partition()], { state: 'PreparingRebalance' }), []],
]

test.each(CASES)('%s', (_, facts, expected) => {
  const verdicts = judgeGroup(facts, { nowMs: NOW_MS, limits: DEFAULT_HEALTH_LIMITS })
  expect(verdicts.map(({ severity, rule, partition: number }) => `${severity} ${rule} ${number}`)).toEqual(expected)
  for (const { words, evidence, advice } of verdicts) {
    expect(words).toMatch(/^[a-z0-9].*[^.]$/)
    expect(advice).toMatch(/^[A-Z].*\.$/)
    expect(Object.keys(evidence).length).toBeGreaterThan(0)
  }
})

test('limits are what the caller says', () => {
  const facts = group([partition(SINCE_12_MIN, NO_PROGRESS)])
  const limits = { ...DEFAULT_HEALTH_LIMITS, stalledAfterMs: 13 * MINUTE_MS }
  expect(judgeGroup(facts, { nowMs: NOW_MS, limits })).toEqual([])
})

test('a verdict tells its evidence in numbers', () => {
  const [verdict] = judgeGroup(group([partition(SINCE_12_MIN, NO_PROGRESS)]), {
    nowMs: NOW_MS,
    limits: DEFAULT_HEALTH_LIMITS,
  })
  expect(verdict).toMatchObject({
    words:
      'nothing was committed for 12 min, though a member is alive: it works on offset 40 for that long, or hangs there',
    evidence: { offset: 40, forMs: 12 * MINUTE_MS, memberId: 'member-1', clientId: 'fraud', longestPauseMs: 0 },
  })
})

test('how sure it is that a record is in the way is said in words', () => {
  const waiting = partition(SINCE_12_MIN, NO_PROGRESS)
  const second = partition(SINCE_12_MIN, { ...NO_PROGRESS, row: { partition: 1 } })
  const wordsOf = (partitions: readonly PartitionFacts[], held: readonly number[]) =>
    judgeGroup(group(partitions, { departures: departures([11, 8, 4], held) }), {
      nowMs: NOW_MS,
      limits: DEFAULT_HEALTH_LIMITS,
    })[0]?.words
  const sure = 'it does not get past offset 40: 3 members came and went without progress'
  expect(wordsOf([waiting], [0])).toBe(sure)
  expect(wordsOf([waiting, second], [0, 1])).toBe(`${sure}, here and in others that wait: one of them is in the way`)
  expect(wordsOf([waiting, otherPartition([11, 8, 4], { read: 10 })], [0, 1])).toBe(
    'it may be stuck at offset 40, or has not had its turn: 3 members came and went without progress here, but moved other partitions that have records waiting too',
  )
})

test('the worst of nothing is ok', () => {
  expect(worstOf([])).toBe('ok')
  expect(worstOf(['notice', 'error', 'warning'])).toBe('error')
})

test.each([
  [0, '0 s'],
  [119_000, '119 s'],
  [12 * MINUTE_MS, '12 min'],
  [3 * 60 * MINUTE_MS, '3 h'],
  [72 * 60 * MINUTE_MS, '3 days'],
])('%s ms are %s', (ms, words) => {
  expect(spanWords(ms)).toBe(words)
})
