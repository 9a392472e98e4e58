import { readFileSync } from 'node:fs'
import type { CommitBy, Per } from './scenario.ts'

export interface Cell {
  readonly event: string
  readonly per: Per
  readonly by: CommitBy
  /** How many records count as processed, by the document. */
  readonly resumesAt: number
}

const COLUMNS: readonly CommitBy[] = ['count', 'time', 'caught up', 'manual']

/** The table under "When is a record processed?" in ARCHITECTURE.md: one row per event and unit, one number per way of committing. */
export function readArchitectureTable(): Cell[] {
  const text = readFileSync(new URL('../../../ARCHITECTURE.md', import.meta.url), 'utf8')
  const section = text.split('### When is a record processed?')[1]?.split('\n### ')[0] ?? ''
  return section
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .filter((cells) => cells[2] === 'record' || cells[2] === 'batch')
    .flatMap((cells) =>
      COLUMNS.map((by, column) => ({
        event: (cells[1] ?? '').replaceAll('`', ''),
        per: cells[2] as Per,
        by,
        resumesAt: Number(cells[3 + column]),
      })),
    )
}
