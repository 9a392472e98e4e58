import type { TreeRow } from '../model/tree-row.ts'

/**
 * What VS Code keeps of a row. It finds rows by object identity, so there is one of these per id as long as the row is
 * there, and `row` is what it shows at the moment.
 */
export class TreeElement {
  row: TreeRow
  parent: TreeElement | undefined
  children: readonly TreeElement[] = []
  /** Whether VS Code holds it: rows below one that is not expanded are none of its business. */
  isDrawn = false

  constructor(row: TreeRow, parent: TreeElement | undefined) {
    this.row = row
    this.parent = parent
  }
}
