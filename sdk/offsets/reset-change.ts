import type { CommittedPosition } from './reset-metadata.ts'

/** One partition that a group is to be moved in, as it is now. */
export interface ResetPlace {
  /** null: the group never committed there. */
  readonly before: CommittedPosition | null
  readonly logStartOffset: number
  readonly logEndOffset: number
}

/** What moving to an offset means. Ranges are half-open. */
export interface Move {
  /** The offset the group will go on with. */
  readonly offset: number
  /** What was asked for, where the log does not have it: `offset` is the nearest that it has. */
  readonly outside: number | null
  /** Offsets that will be delivered again. */
  readonly redelivered: OffsetRange
  /** Offsets that are there, were not read, and will not be. */
  readonly skipped: OffsetRange
}

export interface OffsetRange {
  readonly from: number
  readonly to: number
}

/** Moving to `wanted`, or to the nearest offset that the log has, as Kafka's tools do. */
export function moveTo(wanted: number, place: ResetPlace): Move {
  const offset = within(wanted, place)
  return { ...crossing(offset, place), offset, outside: wanted === offset ? null : wanted }
}

/** Moving back to where the group was, wherever that is by now. null: it goes back to having committed nothing. */
export function moveBack(former: number | null, place: ResetPlace): Omit<Move, 'offset'> {
  const isOutside = former !== null && within(former, place) !== former
  return { ...crossing(former ?? place.logStartOffset, place), outside: isOutside ? former : null }
}

function crossing(offset: number, place: ResetPlace): Pick<Move, 'redelivered' | 'skipped'> {
  // A group without a commit would start at the earliest record.
  const readTo = within(place.before?.offset ?? place.logStartOffset, place)
  const goOnAt = within(offset, place)
  return {
    redelivered: { from: Math.min(goOnAt, readTo), to: readTo },
    skipped: { from: readTo, to: Math.max(goOnAt, readTo) },
  }
}

function within(offset: number, { logStartOffset, logEndOffset }: ResetPlace): number {
  return Math.min(Math.max(offset, logStartOffset), logEndOffset)
}
