import { expect, test } from 'vitest'
import { isLagTrouble, lagAdvice, lagWords, needsAdvice, summaryWords } from '../../../sdk/cli/lag-words.ts'
import type { LagRow } from '../../../sdk/client/lag.ts'

function row(changes: Partial<LagRow>): LagRow {
  return {
    group: 'g',
    topic: 't',
    partition: 0,
    committedOffset: 100,
    leaderEpoch: null,
    metadata: '',
    committedAtMs: 0,
    logStartOffset: 0,
    logEndOffset: 1304,
    lag: 1204,
    lagRecords: 1204,
    lagState: 'behind',
    reason: null,
    memberId: null,
    clientId: null,
    host: null,
    ...changes,
  }
}

const ROWS = {
  behind: row({}),
  uncounted: row({ lagRecords: null }),
  upToDate: row({ lagState: 'up-to-date', lag: 0, lagRecords: 0 }),
  neverCommitted: row({ lagState: 'never-committed', committedOffset: null, lag: null, lagRecords: 12 }),
  neverFilled: row({ lagState: 'never-committed', committedOffset: null, lag: null, lagRecords: 0 }),
  lost: row({ lagState: 'lost', logStartOffset: 480, lagRecords: 824 }),
  pastTheEnd: row({ lagState: 'past-the-end', logEndOffset: 80, lag: -20, lagRecords: 0 }),
  deleted: row({ lagState: 'topic-deleted', lag: null, lagRecords: null, logStartOffset: null, logEndOffset: null }),
  unavailable: row({ lagState: 'unavailable', lag: null, lagRecords: null, reason: 'the disk failed' }),
}

test('every state has its words', () => {
  const words = Object.entries(ROWS).map(([name, each]) => [name, lagWords(each)])
  expect(Object.fromEntries(words)).toEqual({
    behind: '1,204 behind',
    uncounted: 'at most 1,204 behind',
    upToDate: 'up to date',
    neverCommitted: 'never committed, 12 readable',
    neverFilled: 'never committed, nothing to read yet',
    lost: '380 lost, 824 readable',
    pastTheEnd: '20 past the end',
    deleted: 'topic deleted',
    unavailable: 'unavailable',
  })
})

test('only lost records, a commit past the end and a deleted topic are trouble', () => {
  const names = (isIt: (each: LagRow) => boolean) =>
    Object.entries(ROWS).flatMap(([name, each]) => (isIt(each) ? name : []))
  expect(names(isLagTrouble)).toEqual(['lost', 'pastTheEnd', 'deleted'])
  expect(names(needsAdvice)).toEqual(['lost', 'pastTheEnd', 'deleted', 'unavailable'])
})

test('trouble comes with what happened and the command that helps', () => {
  expect(lagAdvice(ROWS.lost, './data')).toBe(
    'Group g on t-0: it had committed 100, but the log begins at 480 now: 380 records it had not read are gone, by retention or by hand. To go on with what is left: tidemark reset ./data --group g --topic t:0 --to-earliest --execute',
  )
  expect(lagAdvice(ROWS.pastTheEnd, './data')).toContain('it committed 100, but the log ends at 80')
  expect(lagAdvice(ROWS.deleted, './data')).toContain('does not exist any more')
  expect(lagAdvice(ROWS.unavailable, './data')).toContain('because the disk failed. `tidemark verify ./data`')
})

test('a name from a foreign directory is only a name where the command is pasted into a shell', () => {
  const row = { ...ROWS.lost, group: "$(touch x); it's\u001b[2J" }
  expect(lagAdvice(row, './my data')).toContain(
    "tidemark reset './my data' --group '$(touch x); it'\\''s\\x1b[2J' --topic t:0 --to-earliest --execute",
  )
})

test('a group in one line', () => {
  expect(summaryWords([ROWS.behind, ROWS.upToDate])).toBe('1,204 behind')
  expect(summaryWords([ROWS.upToDate])).toBe('up to date')
  expect(summaryWords([ROWS.neverCommitted, ROWS.neverCommitted])).toBe('never committed, 24 readable')
  expect(summaryWords([ROWS.neverFilled])).toBe('never committed, nothing to read yet')
  expect(summaryWords([ROWS.behind, ROWS.lost])).toBe('trouble on 1 partition')
  expect(summaryWords([])).toBe('nothing committed')
})
