/** One row of the tree, as it is to be shown: nothing of VS Code, so that every word can be tested in plain Node. */
import type { LagRow } from 'tidemark'
import type { RowKind } from './row-id.ts'

export interface TreeRow {
  readonly id: string
  readonly kind: RowKind
  readonly label: string
  /** Beside the label, dimmed: the numbers. */
  readonly description: string
  /** Markdown. */
  readonly tooltip: string
  /** What a screen reader says. */
  readonly spoken: string
  /** A codicon, and a theme colour for it. */
  readonly icon: { readonly name: string; readonly colour?: string }
  /** What it stands for; commands are given it. */
  readonly target: RowTarget
  /** Words that `when` clauses of menus match, separated by blanks, such as `group idle`. */
  readonly context: string
  readonly trouble: Trouble
  readonly children: readonly TreeRow[]
}

/** How worried one should be, the worst first in the order of `TROUBLES`. */
export type Trouble = 'error' | 'warning' | 'none'

export const TROUBLES: readonly Trouble[] = ['error', 'warning', 'none']

/** Which group, topic or partition of which source. Only what is given is meant; a topic alone means every group. */
export interface RowTarget {
  readonly source: string
  readonly group?: string
  readonly topic?: string
  readonly partition?: number
}

/** Whether a partition of a group belongs to what a row of the same source stands for. */
export function isMeant(row: LagRow, target: RowTarget): boolean {
  return (
    row.group === (target.group ?? row.group) &&
    row.topic === (target.topic ?? row.topic) &&
    row.partition === (target.partition ?? row.partition)
  )
}

/** The worst of some. */
export function worst(troubles: readonly Trouble[]): Trouble {
  return TROUBLES.find((each) => troubles.includes(each)) ?? 'none'
}
