import { existsSync, readFileSync } from 'node:fs'

export const EVERY_RECORDS = 100

export interface Seen {
  readonly partition: number
  readonly offset: number
  /** Of a run's first record: milliseconds since the directory was open; else 0. */
  readonly waitedMs: number
}

/** What the handler of one run wrote down itself, record by record, before its body ended. */
export function readEvidence(file: string): Seen[] {
  if (!existsSync(file)) return []
  const bytes = readFileSync(file)
  const seen: Seen[] = []
  for (let at = 0; at + 9 <= bytes.length; at += 9) {
    seen.push({
      partition: bytes.readUInt8(at),
      offset: bytes.readUInt32BE(at + 1),
      waitedMs: bytes.readUInt32BE(at + 5),
    })
  }
  return seen
}
