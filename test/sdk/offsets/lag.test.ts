import { expect, test } from 'vitest'
import { type Lag, lagOf, lagOfDeletedTopic, lagUnavailable } from '../../../sdk/offsets/lag.ts'

/** The lag in a log from 10 to 20 whose records are at the given offsets (all of them by default). */
function lagAt(
  committedOffset: number | null,
  offsets: readonly number[] = [10, 11, 12, 13, 14, 15, 16, 17, 18, 19],
): Lag {
  return lagOf({
    committedOffset,
    logStartOffset: 10,
    logEndOffset: 20,
    countRecords: (from, to) => offsets.filter((offset) => offset >= from && offset < to).length,
  })
}

test('behind counts the records that wait', () => {
  const lag = lagAt(15)
  expect(lag).toMatchObject({ lagState: 'behind', lag: 5, lagRecords: 5, lostOffsets: 0 })
})

test('Kafka’s distance counts gaps and control records, the records do not', () => {
  expect(lagAt(15, [10, 16, 18])).toMatchObject({ lagState: 'behind', lag: 5, lagRecords: 2 })
})

test('a group with nothing but control records before it is up to date', () => {
  const lag = lagAt(19, [10, 11])
  expect(lag).toMatchObject({ lagState: 'up-to-date', lag: 1, lagRecords: 0 })
})

test('a commit at the end is up to date, and nothing is counted', () => {
  const lag = lagOf({
    committedOffset: 20,
    logStartOffset: 10,
    logEndOffset: 20,
    countRecords: () => expect.unreachable(),
  })
  expect(lag).toEqual({
    lagState: 'up-to-date',
    lag: 0,
    lagRecords: 0,
    lostOffsets: 0,
    offsetsPastEnd: 0,
    reason: null,
  })
})

test('a commit at the log’s start has lost nothing', () => {
  expect(lagAt(10)).toMatchObject({ lagState: 'behind', lag: 10, lagRecords: 10, lostOffsets: 0 })
})

test('a group that never committed has no distance, but records to read', () => {
  const lag = lagAt(null)
  expect(lag).toMatchObject({ lagState: 'never-committed', lag: null, lagRecords: 10 })
})

test('a commit below the log’s start tells what is lost and what is left', () => {
  const lag = lagAt(3)
  expect(lag).toMatchObject({ lagState: 'lost', lag: 17, lagRecords: 10, lostOffsets: 7 })
})

test('a commit past the end has a negative distance, as Kafka prints it', () => {
  const lag = lagAt(25)
  expect(lag).toMatchObject({ lagState: 'past-the-end', lag: -5, lagRecords: 0, offsetsPastEnd: 5 })
})

test('an emptied log whose commit is at its end is up to date, one below it has lost records', () => {
  const ask = (committedOffset: number) =>
    lagOf({ committedOffset, logStartOffset: 20, logEndOffset: 20, countRecords: () => 0 })
  expect(ask(20)).toMatchObject({ lagState: 'up-to-date', lag: 0 })
  expect(ask(15)).toMatchObject({ lagState: 'lost', lag: 5, lagRecords: 0, lostOffsets: 5 })
})

test('where records cannot be counted the distance stands for them', () => {
  const ask = (committedOffset: number | null) =>
    lagOf({ committedOffset, logStartOffset: 10, logEndOffset: 20, countRecords: () => null })
  expect(ask(15)).toMatchObject({ lagState: 'behind', lag: 5, lagRecords: null })
  expect(ask(null)).toMatchObject({ lagState: 'never-committed', lag: null, lagRecords: null })
  expect(ask(5)).toMatchObject({ lagState: 'lost', lostOffsets: 5, lagRecords: null })
})

test('a deleted topic and an unavailable log have no numbers', () => {
  expect(lagOfDeletedTopic()).toMatchObject({ lagState: 'topic-deleted', lag: null, lagRecords: null })
  expect(lagUnavailable('the log is damaged')).toMatchObject({
    lagState: 'unavailable',
    lag: null,
    reason: 'the log is damaged',
  })
})
