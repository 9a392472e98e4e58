import { expect } from 'vitest'
import type { PartitionLog } from '../../../../sdk/log/partition-log.ts'
import { RecordBatch } from '../../../../sdk/record/record-batch.ts'
import { batchOf, readAll } from './log-bench.ts'

/** Remembers what a log was given and what it promised, and holds a reopened log against that. */
export class Witness {
  /** Every value that was ever appended, or tried to be, at an offset. */
  private readonly tried = new Map<number, Set<string>>()
  /** What must survive a power loss. */
  private promised = new Map<number, string>()
  /** What must survive the death of the process. */
  private accepted = new Map<number, string>()
  /** Values that were cut off for good. */
  private readonly cut = new Map<number, Set<string>>()
  private next = 0

  append(log: PartitionLog, records = 1, epoch = log.latestEpoch ?? 0, padding = 0): void {
    const values = Array.from({ length: records }, () => `${this.next++}${'.'.repeat(padding)}`)
    const { logEndOffset } = log
    for (const [at, value] of values.entries()) {
      const offset = logEndOffset + at
      this.tried.set(offset, (this.tried.get(offset) ?? new Set()).add(value))
    }
    log.append(batchOf(...values), { leaderEpoch: epoch })
    for (const [at, value] of values.entries()) this.accepted.set(logEndOffset + at, value)
  }

  async flush(log: PartitionLog): Promise<void> {
    const before = [...this.accepted]
    await log.flush()
    for (const [offset, value] of before) if (this.accepted.get(offset) === value) this.promised.set(offset, value)
  }

  /** A clean close promises everything. */
  close(log: PartitionLog): void {
    log.close()
    this.promised = new Map(this.accepted)
  }

  truncate(log: PartitionLog, offset: number): void {
    if (offset >= log.logEndOffset) return
    const { baseOffset } = new RecordBatch(log.read(offset, 1, { limit: 'logEndOffset' }))
    const lost = [...this.accepted].filter(([at]) => at >= baseOffset)
    for (const [at] of lost) this.promised.delete(at)
    for (const [at] of lost) this.accepted.delete(at)
    log.truncateTo(offset)
    for (const [at, value] of lost) this.cut.set(at, (this.cut.get(at) ?? new Set()).add(value))
  }

  /** Records below may or may not be there. */
  dropBelow(offset: number): void {
    for (const at of [...this.promised.keys()]) if (at < offset) this.promised.delete(at)
    for (const at of [...this.accepted.keys()]) if (at < offset) this.accepted.delete(at)
  }

  /** `survived`: what kind of end the log had. `mayHaveHoles`: unflushed bytes may be damaged in the middle. */
  check(log: PartitionLog, survived: 'power-loss' | 'process-crash', context: string, mayHaveHoles = false): void {
    const { records, lost } = readAll(log)
    const found = new Map(records.map((record) => [record.offset, record.value]))
    const due = survived === 'power-loss' ? this.promised : this.accepted
    for (const [offset, value] of due) {
      expect(found.get(offset), `${context}: record ${offset} was promised`).toBe(value)
    }
    let offset = log.logStartOffset
    for (const record of records) {
      if (mayHaveHoles) while (lost.includes(offset)) offset++
      expect(record.offset, `${context}: offsets are consecutive`).toBe(offset++)
      expect(this.tried.get(record.offset)?.has(record.value), `${context}: ${record.value} was invented`).toBe(true)
      expect(this.cut.get(record.offset)?.has(record.value) ?? false, `${context}: ${record.value} was cut`).toBe(false)
    }
    if (!mayHaveHoles) expect(lost, `${context}: nothing is damaged`).toEqual([])
    expect(log.logEndOffset, `${context}: the log ends behind its last record`).toBe(
      Math.max(offset, ...lost.map((at) => at + 1)),
    )
    expect([log.highWatermark, log.flushedOffset], context).toEqual([log.logEndOffset, log.logEndOffset])
  }

  /** Goes on with a log that was reopened: what it has is what was accepted. */
  adopt(log: PartitionLog): void {
    this.accepted = new Map(readAll(log).records.map((record) => [record.offset, record.value]))
    this.promised = new Map(this.accepted)
  }
}
