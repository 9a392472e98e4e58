/** What the processes of a chaos run write down, each into a file of its own, before anything else can know of it. */
import { readFileSync } from 'node:fs'

export const TOPIC = 'events'
export const PARTITIONS = 12
export const GROUPS = ['audit', 'billing', 'search'] as const
/** After so many records of a partition a commit is due, so no more than these may come again. */
export const EVERY_RECORDS = 20

/** Times are milliseconds of the machine's monotonic clock, which all processes share. */
export type Evidence =
  /** A record was given to `send`. */
  | { readonly what: 'send'; readonly atMs: number; readonly id: string }
  | { readonly what: 'sent'; readonly atMs: number; readonly id: string; readonly place: string }
  | { readonly what: 'refused'; readonly atMs: number; readonly id: string; readonly why: string }
  /** A body of a group's loop is about to end. `place` is `3@1851`: partition and offset. */
  | {
      readonly what: 'processed'
      readonly atMs: number
      readonly group: string
      readonly place: string
      readonly id: string
    }
  | { readonly what: 'failed'; readonly atMs: number; readonly why: string }

/** One life of one process. */
export interface Life {
  readonly process: string
  readonly evidence: readonly Evidence[]
}

export function nowMs(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000
}

export function toLine(evidence: Evidence): string {
  return `${JSON.stringify(evidence)}\n`
}

/** A line that a kill cut off is none. */
export function readLife(process: string, file: string): Life {
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1)
  return { process, evidence: lines.map((line) => JSON.parse(line) as Evidence) }
}

export function parsePlace(place: string): { readonly partition: number; readonly offset: number } {
  const [partition, offset] = place.split('@')
  return { partition: Number(partition), offset: Number(offset) }
}
