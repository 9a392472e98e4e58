import { parseAttemptsMetadata } from '../offsets/attempts-metadata.ts'
import type { CommitHistoryEntry } from '../offsets/commit-history.ts'
import { parseResetMetadata } from '../offsets/reset-metadata.ts'

/** An offset at a moment: the end of a log. */
export interface OffsetSample {
  /** Milliseconds since 1970. */
  readonly atMs: number
  /** Where it was then. */
  readonly offset: number
}

/** What is known of a group's way through one partition. */
export interface ProgressQuestion {
  /** What it has committed, oldest first, as `groups.history` tells it. */
  readonly commits: readonly CommitHistoryEntry[]
  /** How the log has grown, oldest first; the last one is now. */
  readonly ends: readonly OffsetSample[]
  /** When the next record that it has not processed was written; null: there is none, or it cannot be told. */
  readonly nextRecordAtMs: number | null
  /** Milliseconds since 1970. */
  readonly nowMs: number
  /** How far to look back. Default 600,000. */
  readonly windowMs?: number | undefined
}

/** Where lag is going: records come faster than they are processed, slower, as fast; or nobody can tell. */
export type LagTrend = 'growing' | 'shrinking' | 'steady' | 'unknown'

/** How fast a group moves through a partition, or through all of its partitions. */
export interface GroupProgress {
  /** Offsets a second, over the time looked back at. null: too little is known. */
  readonly processedPerSecond: number | null
  /** Offsets a second by which the log grew in that time. */
  readonly appendedPerSecond: number | null
  /** Log end − committed offset, now. */
  readonly lag: number | null
  /** The lag when the time looked back at began. */
  readonly lagBefore: number | null
  /** Whether that is getting better. */
  readonly trend: LagTrend
  /** Milliseconds until it has caught up if both go on like this; 0: it has; null: it will not, or nobody can tell. */
  readonly etaMs: number | null
  /** Age of the oldest record that it has not processed; 0: there is none. */
  readonly timeLagMs: number | null
  /** When a commit last moved it forward (or a reset moved it at all); null: not in what is known. */
  readonly lastProgressAtMs: number | null
}

const DEFAULT_WINDOW_MS = 600_000
/** A change of lag by less than this part, or by fewer offsets, is no trend: commits come in steps. */
const STEADY_PART = 0.05
const STEADY_OFFSETS = 10

/**
 * How fast a group moves through a partition, told from what it has committed and when. Pure, so that a view which has
 * watched for a while and a command that has just started come to the same answer.
 */
export function progressOf(question: ProgressQuestion): GroupProgress {
  const { commits, ends, nowMs, windowMs = DEFAULT_WINDOW_MS } = question
  const last = commits.at(-1)
  const end = ends.at(-1)
  const lag = last?.kind === 'commit' && end !== undefined ? end.offset - last.offset : null
  const timeLagMs = timeLag(question, lag)
  const known = { lag, timeLagMs, lastProgressAtMs: lastProgress(commits) }
  const fromMs = windowStart(commits, ends, nowMs - windowMs)
  const spanS = fromMs === undefined ? 0 : (nowMs - fromMs) / 1000
  if (fromMs === undefined || spanS <= 0 || end === undefined) return { ...UNKNOWN, ...known }
  const endBefore = offsetAt(ends, fromMs)
  const committedBefore = committedAt(commits, fromMs)
  const lagBefore = committedBefore === null ? null : endBefore - committedBefore
  const processedPerSecond = processedSince(commits, fromMs) / spanS
  const appendedPerSecond = Math.max(0, end.offset - endBefore) / spanS
  const trend = trendOf(lagBefore, lag)
  const etaMs = etaOf({ lag, trend, processedPerSecond, appendedPerSecond })
  return { ...known, processedPerSecond, appendedPerSecond, lagBefore, trend, etaMs }
}

/** The whole group's progress from that of its partitions. */
export function progressOfGroup(partitions: readonly GroupProgress[]): GroupProgress {
  const lag = sum(partitions.map((each) => each.lag))
  const lagBefore = sum(partitions.map((each) => each.lagBefore))
  const processedPerSecond = sum(partitions.map((each) => each.processedPerSecond))
  const appendedPerSecond = sum(partitions.map((each) => each.appendedPerSecond))
  const trend = trendOf(lagBefore, lag)
  return {
    processedPerSecond,
    appendedPerSecond,
    lag,
    lagBefore,
    trend,
    etaMs: etaOf({ lag, trend, processedPerSecond, appendedPerSecond }),
    timeLagMs: max(partitions.map((each) => each.timeLagMs)),
    lastProgressAtMs: max(partitions.map((each) => each.lastProgressAtMs)),
  }
}

/** Whether somebody who had the partition between two offsets of `__consumer_offsets` moved the group forward. */
export function hasMoved(
  commits: readonly CommitHistoryEntry[],
  { fromLogOffset, toLogOffset }: { readonly fromLogOffset: number; readonly toLogOffset: number },
): boolean {
  return commits.some((entry, index) => {
    const isWithin = entry.logOffset >= fromLogOffset && entry.logOffset < toLogOffset
    return isWithin && entry.kind === 'commit' && !isReset(entry) && isProgress(commits, index)
  })
}

/** The longest time between two commits that moved the group forward: its own rhythm. 0 where there are no two. */
export function longestPauseMs(commits: readonly CommitHistoryEntry[]): number {
  const times = commits.filter((_, index) => isProgress(commits, index)).map(({ timestampMs }) => timestampMs)
  return times.reduce((longest, time, index) => Math.max(longest, index === 0 ? 0 : time - times[index - 1]!), 0)
}

/**
 * How many commits after `sinceMs`, up to the newest, say the same as the one before them: somebody is at work, but the
 * group does not move. Clients that commit by the clock do so all the time while nothing is there to be read. Commits that
 * tell how often records further on were tried, or that no more are, say nothing of this one.
 */
export function repeatedCommits(commits: readonly CommitHistoryEntry[], sinceMs: number): number {
  let count = 0
  for (let index = commits.length - 1; index > 0; index--) {
    const [before, commit] = [commits[index - 1]!, commits[index]!]
    if (commit.kind !== 'commit' || commit.offset !== before.offset || commit.timestampMs <= sinceMs) break
    if (!tellsAttempts(commit) && !tellsAttempts(before)) count++
  }
  return count
}

function tellsAttempts({ metadata }: CommitHistoryEntry): boolean {
  return metadata !== null && parseAttemptsMetadata(metadata).size > 0
}

const UNKNOWN = {
  processedPerSecond: null,
  appendedPerSecond: null,
  lagBefore: null,
  trend: 'unknown',
  etaMs: null,
} as const

/** Where the time looked back at begins: later than asked where less is known. */
function windowStart(
  commits: readonly CommitHistoryEntry[],
  ends: readonly OffsetSample[],
  fromMs: number,
): number | undefined {
  const [firstCommit] = commits
  const [firstEnd] = ends
  if (firstCommit === undefined || firstEnd === undefined) return undefined
  return Math.max(fromMs, firstCommit.timestampMs, firstEnd.atMs)
}

/** The log's end at a moment, taken to have grown evenly between two samples. */
function offsetAt(samples: readonly OffsetSample[], atMs: number): number {
  const index = samples.findIndex((sample) => sample.atMs >= atMs)
  const after = samples[index] ?? samples.at(-1)!
  const before = samples[index - 1]
  if (before === undefined || after.atMs <= atMs) return after.offset
  const part = (atMs - before.atMs) / (after.atMs - before.atMs)
  return Math.round(before.offset + (after.offset - before.offset) * part)
}

function committedAt(commits: readonly CommitHistoryEntry[], atMs: number): number | null {
  return commits.findLast(({ timestampMs }) => timestampMs <= atMs)?.offset ?? null
}

/** Offsets that were processed: what a reset jumps over was not. */
function processedSince(commits: readonly CommitHistoryEntry[], fromMs: number): number {
  let processed = 0
  for (const [index, entry] of commits.entries()) {
    const before = commits[index - 1]
    if (entry.timestampMs <= fromMs || before === undefined || isReset(entry)) continue
    if (entry.kind === 'commit' && before.kind === 'commit') processed += Math.max(0, entry.offset - before.offset)
  }
  return processed
}

function lastProgress(commits: readonly CommitHistoryEntry[]): number | null {
  for (let index = commits.length - 1; index >= 0; index--) {
    if (isProgress(commits, index)) return commits[index]!.timestampMs
  }
  return null
}

function isProgress(commits: readonly CommitHistoryEntry[], index: number): boolean {
  const entry = commits[index]!
  const before = commits[index - 1]
  // Of the oldest one that is known nobody can say, and a move by hand starts the clock anew.
  return (
    before === undefined || isReset(entry) || entry.kind !== before.kind || (entry.offset ?? 0) > (before.offset ?? 0)
  )
}

function isReset(entry: CommitHistoryEntry): boolean {
  return entry.kind === 'commit' && parseResetMetadata(entry.metadata) !== undefined
}

function trendOf(before: number | null, now: number | null): LagTrend {
  if (before === null || now === null) return 'unknown'
  // Nothing waits less than nothing: below it are commits past the end, and ends asked for by a clock that was set back.
  const waitedBefore = Math.max(0, before)
  const change = Math.max(0, now) - waitedBefore
  if (Math.abs(change) <= Math.max(STEADY_OFFSETS, waitedBefore * STEADY_PART)) return 'steady'
  return change > 0 ? 'growing' : 'shrinking'
}

function etaOf(facts: {
  readonly lag: number | null
  readonly trend: LagTrend
  readonly processedPerSecond: number | null
  readonly appendedPerSecond: number | null
}): number | null {
  const { lag, trend, processedPerSecond, appendedPerSecond } = facts
  if (lag !== null && lag <= 0) return 0
  if (lag === null || trend !== 'shrinking' || processedPerSecond === null) return null
  const speed = processedPerSecond - (appendedPerSecond ?? 0)
  return speed > 0 ? Math.round((lag / speed) * 1000) : null
}

function timeLag({ nextRecordAtMs, nowMs }: ProgressQuestion, lag: number | null): number | null {
  if (nextRecordAtMs !== null) return Math.max(0, nowMs - nextRecordAtMs)
  return lag !== null && lag <= 0 ? 0 : null
}

function sum(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null)
  return known.length === 0 ? null : known.reduce((total, value) => total + value, 0)
}

function max(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null)
  return known.length === 0 ? null : Math.max(...known)
}
