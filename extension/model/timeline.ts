/** How a group moved through a partition: what it committed when, and how far the log had got by then. */
export interface Timeline {
  readonly topic: string
  readonly partition: number
  /** By time. */
  readonly commits: readonly TimelineCommit[]
  /** The log's end at some moments, by time; the last one is now. */
  readonly ends: readonly Sample[]
}

export interface TimelineCommit {
  readonly atMs: number
  /** null: the commit was removed. */
  readonly offset: number | null
}

export interface Sample {
  readonly atMs: number
  readonly offset: number
}

/** More points than pixels help nobody. */
const POINTS_AT_MOST = 200

/** The commits to be drawn: all of them, or a part spread evenly, the first and the last always among them. */
export function thinned(commits: readonly TimelineCommit[]): readonly TimelineCommit[] {
  if (commits.length <= POINTS_AT_MOST) return commits
  const step = (commits.length - 1) / (POINTS_AT_MOST - 1)
  return Array.from({ length: POINTS_AT_MOST }, (_, index) => commits[Math.round(index * step)]!)
}

/** Where the log ended at a moment, between the samples by a straight line. */
export function endAt(ends: readonly Sample[], atMs: number): number | undefined {
  const after = ends.findIndex((sample) => sample.atMs >= atMs)
  const right = ends[after]
  const left = ends[after - 1]
  if (right === undefined) return ends.at(-1)?.offset
  if (left === undefined || right.atMs === left.atMs) return right.offset
  const part = (atMs - left.atMs) / (right.atMs - left.atMs)
  return Math.round(left.offset + part * (right.offset - left.offset))
}

/** Log end − committed offset at the time of a commit; undefined where the commit was removed. */
export function lagAt(timeline: Timeline, commit: TimelineCommit): number | undefined {
  const end = endAt(timeline.ends, commit.atMs)
  return commit.offset === null || end === undefined ? undefined : Math.max(0, end - commit.offset)
}
