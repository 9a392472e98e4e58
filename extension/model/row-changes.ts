/** Which rows have to be drawn again: as few as possible, so that a live tree stays calm. */
import type { TreeRow } from './tree-row.ts'

export interface RowChanges {
  /** Whether rows of the top level came, went or changed places. */
  readonly root: boolean
  /** Ids of rows that look otherwise, or whose children came, went or changed places. */
  readonly ids: readonly string[]
}

export function rowChanges(before: readonly TreeRow[], after: readonly TreeRow[]): RowChanges {
  const ids: string[] = []
  collect(before, after, ids)
  return { root: !haveSameIds(before, after), ids }
}

function collect(before: readonly TreeRow[], after: readonly TreeRow[], ids: string[]): void {
  const old = new Map(before.map((row) => [row.id, row]))
  for (const row of after) {
    const known = old.get(row.id)
    if (known === undefined || known === row) continue
    if (!looksAlike(known, row) || !haveSameIds(known.children, row.children)) ids.push(row.id)
    collect(known.children, row.children, ids)
  }
}

/** The tooltip is not in sight: it is made when somebody asks for it, so that rates in it may slide without a redrawing. */
function looksAlike(a: TreeRow, b: TreeRow): boolean {
  return (
    a.label === b.label &&
    a.description === b.description &&
    a.spoken === b.spoken &&
    a.icon.name === b.icon.name &&
    a.icon.colour === b.icon.colour &&
    a.context === b.context &&
    a.trouble === b.trouble &&
    // A row that gets its first child gets a twistie.
    (a.children.length === 0) === (b.children.length === 0)
  )
}

function haveSameIds(a: readonly TreeRow[], b: readonly TreeRow[]): boolean {
  return a.length === b.length && a.every((row, index) => row.id === b[index]?.id)
}
