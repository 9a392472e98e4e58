import { expect, test } from 'vitest'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { LEADER_EPOCH_CHECKPOINT } from '../../../sdk/log/leader-epochs.ts'
import type { PartitionLog } from '../../../sdk/log/partition-log.ts'
import { ReadOnlyLog } from '../../../sdk/log/read-only-log.ts'
import { readWholeFile } from '../../../sdk/log/whole-file.ts'
import { encodeBatch } from '../../../sdk/record/batch-builder.ts'
import { seededRandom } from '../../support/seeded-random.ts'
import { createPlace, DISKS, type OpenOptions, openLog, type Place, readAll } from './support/log-bench.ts'

interface ModelBatch {
  readonly baseOffset: number
  readonly values: readonly string[]
  readonly timestamps: readonly number[]
  readonly epoch: number
}

/** A log as a list, and a real one beside it. */
class Twins {
  place: Place
  log: PartitionLog
  follower: ReadOnlyLog
  private readonly random: () => number
  private readonly options: OpenOptions
  private batches: ModelBatch[] = []
  private epochs: { epoch: number; startOffset: number }[] = []
  private begin = 0
  private end = 0
  private flushed = 0
  private next = 0
  private timeMs = 1_000_000

  constructor(place: Place, seed: number) {
    this.place = place
    this.random = seededRandom(seed)
    const indexIntervalBytes = [0, 100, 1000][this.below(3)]!
    this.options = { config: { segmentBytes: 700 + this.below(2000), indexIntervalBytes, fileDeleteDelayMs: 0 } }
    this.log = this.open({ cleanShutdown: false })
    this.follower = this.follow()
  }

  /** One random operation; says which. */
  async step(): Promise<string> {
    const operations = [
      'append',
      'append',
      'append',
      'append',
      'flush',
      'truncate',
      'start',
      'retain',
      'epoch',
      'reopen',
      'crash',
      'ask',
      'ask',
    ] as const
    const operation = operations[this.below(operations.length)]!
    await this[operation]()
    return operation
  }

  append(): void {
    const count = 1 + this.below(4)
    const values = Array.from({ length: count }, () => `${this.next++}${'.'.repeat(this.below(120))}`)
    const timestamps = values.map(() => (this.timeMs += this.below(50) - 10))
    const epoch = this.epochs.at(-1)?.epoch ?? 0
    const batch = encodeBatch(
      values.map((value, at) => ({ key: null, value: Buffer.from(value), timestampMs: timestamps[at]! })),
    )
    const { baseOffset } = this.log.append(batch, { leaderEpoch: epoch })
    expect(baseOffset).toBe(this.end)
    this.noteEpoch(epoch)
    this.batches.push({ baseOffset, values, timestamps, epoch })
    this.end += count
  }

  async flush(): Promise<void> {
    await this.log.flush()
    this.flushed = this.end
  }

  truncate(): void {
    const offset = this.begin + this.below(this.end - this.begin + 1)
    this.log.truncateTo(offset)
    if (offset >= this.end) return
    this.cut(offset)
    this.flushed = Math.min(this.flushed, this.end)
    this.trimEpochs(this.end)
  }

  async start(): Promise<void> {
    await this.flush()
    const offset = this.begin + this.below(Math.min(6, this.end - this.begin + 1))
    this.log.advanceLogStart(offset)
    this.begin = offset
    this.trimEpochs()
  }

  async retain(): Promise<void> {
    await this.flush()
    this.log.config = { ...this.log.config, retentionBytes: this.below(4000) }
    this.log.applyRetention(this.timeMs)
    this.log.config = { ...this.log.config, retentionBytes: -1 }
    this.begin = Math.max(this.begin, this.log.segments()[0]!.baseOffset)
    this.batches = this.batches.filter((batch) => batch.baseOffset >= this.log.segments()[0]!.baseOffset)
    this.trimEpochs()
  }

  async epoch(): Promise<void> {
    const epoch = (this.epochs.at(-1)?.epoch ?? 0) + 1 + this.below(2)
    await this.log.assignEpoch(epoch)
    this.noteEpoch(epoch)
  }

  reopen(): void {
    this.log.close()
    this.log = this.open({ cleanShutdown: true, recoveryPoint: this.end, logStartOffset: this.begin })
    expect(this.log.recovery).toMatchObject({ tornBytes: 0, damaged: [], missing: undefined, rebuiltEpochs: false })
    this.flushed = this.end
    this.trimEpochs(this.end)
  }

  crash(): void {
    const { environment } = this.place
    if (!(environment instanceof MemoryEnvironment)) {
      this.reopen()
      return
    }
    const keepUnsynced = (['none', 'all', this.below(1000)] as const)[this.below(3)]!
    this.place = { ...this.place, environment: environment.crash({ keepUnsynced, reorder: this.below(2) === 0 }) }
    this.log = this.open({ cleanShutdown: false, recoveryPoint: this.flushed, logStartOffset: this.begin })
    if (keepUnsynced === 'all') expect(this.log.logEndOffset).toBe(this.end)
    expect(this.log.logEndOffset).toBeGreaterThanOrEqual(this.flushed)
    this.cut(this.log.logEndOffset)
    const { lost } = readAll(this.log)
    expect(lost.every((offset) => offset >= this.flushed)).toBe(true)
    if (lost.length > 0) {
      // A hole: the model is a list, so it goes on behind it.
      this.log.truncateTo(lost[0]!)
      this.cut(lost[0]!)
    }
    this.flushed = this.end
    this.trimEpochs(this.end)
    this.follower = this.follow()
  }

  ask(): void {
    const { log, follower } = this
    follower.refresh()
    const records = this.records
    for (const view of [log, follower]) {
      expect(view.logEndOffset).toBe(this.end)
      const from = this.below(this.end + 5)
      const to = this.below(this.end + 5)
      const inLog = records.filter(
        (record) => record.offset >= Math.max(from, view.logStartOffset) && record.offset < to,
      )
      expect(view.countRecords(from, to), `records from ${from} to ${to}`).toBe(inLog.length)
    }
    const timestampMs = this.timeMs - this.below(3000)
    const first = records.find((record) => record.timestampMs >= timestampMs && record.offset >= this.begin)
    const found = log.offsetForTimestamp(timestampMs)
    if (first === undefined || first.offset >= log.highWatermark) expect(found).toBeUndefined()
    else expect(found).toEqual({ offset: first.offset, timestampMs: first.timestampMs, leaderEpoch: first.epoch })
    const epoch = this.below((this.epochs.at(-1)?.epoch ?? 0) + 3)
    expect(log.endOffsetForEpoch(epoch), `the end of epoch ${epoch}`).toEqual(this.endOf(epoch))
  }

  check(): void {
    this.follower.refresh()
    const expected = this.records.filter((record) => record.offset >= this.log.logStartOffset)
    for (const view of [this.log, this.follower]) {
      const { records, lost } = readAll(view, this.log.logStartOffset)
      expect(records, view === this.log ? 'owner' : 'follower').toEqual(
        expected.map(({ offset, value }) => ({ offset, value })),
      )
      expect(lost).toEqual([])
    }
    expect([this.log.logEndOffset, this.log.logStartOffset]).toEqual([this.end, this.begin])
    const lines = this.epochs.map(({ epoch, startOffset }) => `${epoch} ${startOffset}\n`)
    const bytes = readWholeFile(this.place.environment.files, `${this.place.directory}/${LEADER_EPOCH_CHECKPOINT}`)
    if (lines.length > 0) expect(String(bytes)).toBe(`0\n${lines.length}\n${lines.join('')}`)
  }

  /** Drops the batch that holds `offset`, and all behind it. */
  private cut(offset: number): void {
    const first = this.batches.find((batch) => batch.baseOffset + batch.values.length > offset)
    if (first === undefined) return
    this.end = Math.max(this.begin, first.baseOffset)
    this.batches = this.batches.filter((batch) => batch.baseOffset < first.baseOffset)
  }

  private get records() {
    return this.batches.flatMap(({ baseOffset, values, timestamps, epoch }) =>
      values.map((value, at) => ({ offset: baseOffset + at, value, timestampMs: timestamps[at]!, epoch })),
    )
  }

  private endOf(epoch: number): { leaderEpoch: number; endOffset: number } {
    if (epoch === this.epochs.at(-1)?.epoch) return { leaderEpoch: epoch, endOffset: this.end }
    const next = this.epochs.find((start) => start.epoch > epoch)
    if (next === undefined) return { leaderEpoch: -1, endOffset: -1 }
    const own = this.epochs.findLast((start) => start.epoch <= epoch)
    return { leaderEpoch: own?.epoch ?? epoch, endOffset: next.startOffset }
  }

  private noteEpoch(epoch: number): void {
    if (this.epochs.at(-1)?.epoch === epoch) return
    if (this.epochs.at(-1)?.startOffset === this.end) this.epochs.pop()
    this.epochs.push({ epoch, startOffset: this.end })
  }

  private trimEpochs(end = Number.POSITIVE_INFINITY): void {
    const kept = this.epochs.filter((start) => start.startOffset < end)
    const later = kept.filter((start) => start.startOffset > this.begin)
    const own = kept.findLast((start) => start.startOffset <= this.begin)
    this.epochs = own === undefined ? later : [{ epoch: own.epoch, startOffset: this.begin }, ...later]
    // What an empty log still knows of epochs depends on how it came to be empty.
    const { latestEpoch } = this.log
    if (this.begin === this.end) {
      this.epochs = latestEpoch === undefined ? [] : [{ epoch: latestEpoch, startOffset: this.end }]
    }
  }

  private open(options: OpenOptions): PartitionLog {
    return openLog(this.place, { ...this.options, ...options })
  }

  private follow(): ReadOnlyLog {
    const { directory, environment } = this.place
    return ReadOnlyLog.open(environment, { directory, topic: 'events', partition: 0 })
  }

  private below(limit: number): number {
    return Math.floor(this.random() * limit)
  }
}

test.each(DISKS)('random operations on %s leave a log that is like a list', async (disk) => {
  const seeds = disk === 'memory' ? 40 : 8
  for (let seed = 1; seed <= seeds; seed++) {
    const twins = new Twins(createPlace(disk), seed)
    const done: string[] = []
    try {
      for (let n = 0; n < 150; n++) {
        done.push(await twins.step())
        if (n % 10 === 9) twins.check()
      }
      twins.check()
      twins.log.close()
    } catch (error) {
      const { log } = twins
      const state = JSON.stringify([log.logStartOffset, log.logEndOffset, log.segments(), log.damagedRanges])
      const context = `seed ${seed}, after ${done.length} operations: ${done.slice(-12).join(', ')}: ${state}`
      throw new Error(context, { cause: error })
    }
  }
})
