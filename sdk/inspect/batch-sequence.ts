import type { RecordBatch } from '../record/record-batch.ts'
import type { UnreadableStep } from './batch-walk.ts'
import type { Findings } from './finding.ts'

/** Bytes that hold no readable batch, and what stands before and behind them. */
export interface UnreadableBytes extends UnreadableStep {
  readonly file: string
  /** Which of the partition's segments, from 0. */
  readonly segment: number
  readonly fromOffset: number
  /** First offset behind them; null until a batch follows. */
  toOffset: number | null
}

interface SeenBatch {
  readonly file: string
  readonly position: number
  readonly baseOffset: number
  readonly nextOffset: number
  /** Where it should have begun. */
  readonly expectedOffset: number
  readonly offsetCount: number
}

/**
 * The batches of one partition in their order, through all its segments: do their offsets follow one another, and what is
 * lost where bytes cannot be read? The base offset is outside the CRC, so one that jumps is judged by the next batch.
 */
export class BatchSequence {
  readonly unreadable: UnreadableBytes[] = []
  readonly #findings: Findings
  readonly #isCompacted: boolean
  #nextOffset: number
  #last: SeenBatch | undefined
  /** The last batch began elsewhere than expected, and it is not yet clear why. */
  #isJump = false

  /** Compaction takes records out, so gaps are normal where `isCompacted`. */
  constructor(findings: Findings, isCompacted: boolean, startOffset: number) {
    this.#findings = findings
    this.#isCompacted = isCompacted
    this.#nextOffset = startOffset
  }

  /** Where the next batch should begin; behind the last one, the log's end. */
  get nextOffset(): number {
    return this.#nextOffset
  }

  visitBatch(batch: RecordBatch, position: number, file: string): void {
    const { baseOffset, nextOffset } = batch
    if (this.#followsDamage(baseOffset)) this.#nextOffset = baseOffset
    else this.#judgeJump(baseOffset)
    const expectedOffset = this.#nextOffset
    this.#last = { file, position, baseOffset, nextOffset, expectedOffset, offsetCount: batch.lastOffsetDelta + 1 }
    this.#isJump = baseOffset !== expectedOffset
    this.#nextOffset = nextOffset
  }

  visitUnreadable(step: UnreadableStep, segment: number, file: string): void {
    this.#reportJump()
    this.unreadable.push({ ...step, file, segment, fromOffset: this.#nextOffset, toOffset: null })
  }

  /** The segment that follows is named after its first offset. */
  beginSegment(baseOffset: number, file: string): void {
    if (this.#followsDamage(baseOffset)) {
      this.#nextOffset = Math.max(this.#nextOffset, baseOffset)
      return
    }
    this.#judgeJump(baseOffset)
    if (baseOffset > this.#nextOffset) {
      if (!this.#isCompacted)
        this.#gap(file, null, this.#nextOffset, baseOffset, 'A segment is missing before this one')
      this.#nextOffset = baseOffset
    } else if (baseOffset < this.#nextOffset) {
      this.#findings.add(file, {
        severity: 'damage',
        rule: 'segment',
        offset: baseOffset,
        what: `The segment is named after offset ${baseOffset}, but the one before it ends at ${this.#nextOffset}: they overlap.`,
        whatABrokerWouldDo: 'It does not notice, and serves the offsets that both hold from this one.',
        whatToDo:
          'Do not write to this directory. Restore the partition from a copy, or ask for help with both files at hand.',
      })
    }
  }

  /** A segment, or the rest of it, that the disk did not hand out: it holds what lies before the next one. */
  passOver(nextBaseOffset: number): void {
    this.#reportJump()
    this.#nextOffset = Math.max(this.#nextOffset, nextBaseOffset)
  }

  /** Nothing follows. */
  finish(): void {
    this.#reportJump()
  }

  #followsDamage(baseOffset: number): boolean {
    const damage = this.unreadable.at(-1)
    if (damage === undefined || damage.toOffset !== null || damage.fromOffset !== this.#nextOffset) return false
    damage.toOffset = Math.max(baseOffset, damage.fromOffset)
    return baseOffset >= damage.fromOffset
  }

  /** What follows a batch that jumped, at `baseOffset`, tells whether only that batch's number is wrong. */
  #judgeJump(baseOffset: number): void {
    if (!this.#isJump) return
    const last = this.#last!
    const rightNext = last.expectedOffset + last.offsetCount
    const fits = this.#isCompacted ? baseOffset >= rightNext : baseOffset === rightNext
    const fitsAsItIs = last.baseOffset > last.expectedOffset && baseOffset >= last.nextOffset
    if (!fits || fitsAsItIs) {
      this.#reportJump()
      return
    }
    this.#isJump = false
    this.#nextOffset = rightNext
    const right = this.#isCompacted ? `${last.expectedOffset} or a little more` : `${last.expectedOffset}`
    this.#findings.add(last.file, {
      severity: 'damage',
      rule: 'offset-order',
      position: last.position,
      offsetsLost: { from: last.expectedOffset, to: rightNext },
      what: `The base offset of the batch reads ${last.baseOffset} where ${right} belongs; the rest of the batch is intact (the checksum does not cover this number).`,
      whatABrokerWouldDo: 'It does not notice, and serves the records under wrong offsets.',
      whatToDo:
        'Restore this file from a copy, or, with nothing else running, write the right number back: 8 bytes at this position, big-endian. Then verify again.',
    })
  }

  #reportJump(): void {
    if (!this.#isJump) return
    this.#isJump = false
    const { file, position, baseOffset, expectedOffset } = this.#last!
    if (baseOffset > expectedOffset) {
      if (!this.#isCompacted)
        this.#gap(file, position, expectedOffset, baseOffset, 'Batches are missing before this one')
      return
    }
    this.#findings.add(file, {
      severity: 'damage',
      rule: 'offset-order',
      position,
      offset: baseOffset,
      what: `The batch begins at offset ${baseOffset}, but the one before it ends at ${expectedOffset}: offsets go backwards.`,
      whatABrokerWouldDo: 'It does not notice, and serves some records twice under one offset, or not at all.',
      whatToDo: 'Do not write to this directory. Restore the partition from a copy.',
    })
  }

  #gap(file: string, position: number | null, from: number, to: number, what: string): void {
    this.#findings.add(file, {
      severity: 'damage',
      rule: 'offset-gap',
      position,
      offsetsLost: { from, to },
      what: `${what}: ${offsetsWords(from, to)} not there.`,
      whatABrokerWouldDo: 'It does not notice: consumers pass over the gap without a word.',
      whatToDo:
        'Restore the partition from a copy if you have one. If the topic was compacted earlier, the gap is as it should be.',
    })
  }
}

function offsetsWords(from: number, to: number): string {
  return to - from === 1 ? `offset ${from} is` : `offsets ${from} to ${to - 1} are`
}
