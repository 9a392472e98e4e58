import { groupRow } from './group-row.ts'
import type { RowContext } from './partition-row.ts'
import type { GroupSnapshot } from './snapshot.ts'
import type { TreeRow } from './tree-row.ts'

interface Drawn {
  readonly row: TreeRow
  readonly source: string
  readonly words: RowContext['words']
  /** Until when time alone changes none of its texts. */
  readonly untilMs: number
}

const drawn = new WeakMap<GroupSnapshot, Drawn>()

/**
 * The row of a group, the same object for as long as it says the same: of thousands of groups only those that have changed
 * are put into words and compared again. `below`: the topic whose row it stands under, always the same for a snapshot.
 */
export function drawnGroup(group: GroupSnapshot, context: RowContext, below?: string): TreeRow {
  const { source, words, nowMs } = context
  const known = drawn.get(group)
  if (known?.source === source && known.words === words && nowMs < known.untilMs) return known.row
  const ages = group.rows.flatMap(({ committedAtMs }) => committedAtMs ?? [])
  const untilMs = Math.min(...ages.map((committedAtMs) => words.ageUntilMs(committedAtMs, nowMs)))
  const row = groupRow(group, context, below)
  drawn.set(group, { row, source, words, untilMs })
  return row
}
