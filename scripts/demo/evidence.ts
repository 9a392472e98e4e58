import { existsSync, readFileSync } from 'node:fs'

export interface Seen {
  readonly partition: number
  readonly offset: number
}

/** What the handlers of a group wrote down, in the order in which they saw it. */
export function readEvidence(folder: string, group: string): Seen[] {
  const file = `${folder}/${group}.seen`
  if (!existsSync(file)) return []
  const bytes = readFileSync(file)
  const seen: Seen[] = []
  for (let at = 0; at + 5 <= bytes.length; at += 5) {
    seen.push({ partition: bytes.readUInt8(at), offset: bytes.readUInt32BE(at + 1) })
  }
  return seen
}

export interface Verdict {
  readonly group: string
  readonly processed: number
  readonly skipped: number
  readonly redelivered: number
  /** The most in any one partition. */
  readonly redeliveredMax: number
  /** Partitions whose first record after the restart was not the committed one. */
  readonly wrongResumes: string[]
}

/** Judges a group by what its handlers saw before and after the kill, not by what Tidemark says. */
export function judge(
  group: string,
  before: readonly Seen[],
  after: readonly Seen[],
  ends: ReadonlyMap<number, number>,
  committedAtKill: ReadonlyMap<number, number>,
): Verdict {
  const seenBefore = new Set(before.map(key))
  const seen = new Set([...seenBefore, ...after.map(key)])
  let skipped = 0
  for (const [partition, end] of ends) {
    for (let offset = 0; offset < end; offset++) if (!seen.has(key({ partition, offset }))) skipped++
  }
  const again = new Map<number, number>()
  for (const record of after) {
    if (seenBefore.has(key(record))) again.set(record.partition, (again.get(record.partition) ?? 0) + 1)
  }
  const wrongResumes: string[] = []
  for (const partition of ends.keys()) {
    const first = after.find((record) => record.partition === partition)
    const committed = committedAtKill.get(partition) ?? 0
    if (first !== undefined && first.offset !== committed) {
      wrongResumes.push(`partition ${partition} went on at ${first.offset}, committed was ${committed}`)
    }
  }
  return {
    group,
    processed: seen.size,
    skipped,
    redelivered: [...again.values()].reduce((sum, count) => sum + count, 0),
    redeliveredMax: Math.max(0, ...again.values()),
    wrongResumes,
  }
}

function key({ partition, offset }: Seen): number {
  return partition * 2 ** 40 + offset
}
