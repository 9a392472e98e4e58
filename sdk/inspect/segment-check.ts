import type { Environment, File } from '../environment/environment.ts'
import { TidemarkError } from '../errors.ts'
import type { RecordBatch } from '../record/record-batch.ts'
import { decodeControlRecord } from '../topic/control-record.ts'
import type { BatchSequence } from './batch-sequence.ts'
import { walkBatches } from './batch-walk.ts'
import type { Findings } from './finding.ts'
import { IndexFile } from './index-file.ts'
import type { LeaderEpochCheck } from './leader-epoch-check.ts'
import { OffsetIndexCheck } from './offset-index-check.ts'
import { TimeIndexCheck } from './time-index-check.ts'

/** Bytes between two turns of the event loop, so that a timer, a signal or a progress line gets its turn. */
const BYTES_PER_TURN = 4 * 1024 * 1024

export interface SegmentFacts {
  /** Which of the partition's segments, from 0. */
  readonly number: number
  readonly baseOffset: number
  /** Where the next one begins; Infinity for the last. */
  readonly nextBaseOffset: number
  readonly isCompacted: boolean
  /** Nothing is appended to it any more: another follows, or the directory was closed in order. */
  readonly isClosed: boolean
  /** The next opening checks it and writes its indexes anew. */
  readonly isRecovered: boolean
  readonly indexIntervalBytes: number
  /** Absolute, and relative to the data directory, without the suffix. */
  readonly path: string
  readonly name: string
}

/** What the checks of one partition's segments share. */
export interface SegmentContext {
  readonly environment: Environment
  readonly findings: Findings
  readonly sequence: BatchSequence
  readonly epochs: LeaderEpochCheck
  /** Every readable batch, in order. */
  readonly visit: (batch: RecordBatch, position: number, file: string) => void
  /** Bytes, batches and records since the last call. */
  readonly progress: (bytes: number, batches: number, records: number) => void
  readonly signal: AbortSignal | undefined
}

/** Checks one segment: its batches with all their records, and its indexes. Returns its size; undefined if it has gone. */
export async function checkSegment(facts: SegmentFacts, context: SegmentContext): Promise<number | undefined> {
  // Indexes first: their writer lets the log be ahead of them, never the other way round.
  const indexes = new SegmentIndexes(facts, context)
  const file = openIfThere(context.environment, `${facts.path}.log`)
  if (file === undefined) return undefined
  try {
    const sizeBytes = file.sizeBytes()
    await checkBatches(file, sizeBytes, { facts, context, indexes })
    return sizeBytes
  } finally {
    file.close()
  }
}

async function checkBatches(
  file: File,
  sizeBytes: number,
  { facts, context, indexes }: { facts: SegmentFacts; context: SegmentContext; indexes: SegmentIndexes },
): Promise<void> {
  const { sequence, epochs, progress, environment, signal } = context
  const name = `${facts.name}.log`
  sequence.beginSegment(facts.baseOffset, name)
  let endPosition = 0
  let turn = { bytes: 0, batches: 0, records: 0 }
  for (const step of walkBatches(file, { sizeBytes, toOffset: facts.nextBaseOffset })) {
    if (step.kind === 'batch') {
      const { batch, position } = step
      sequence.visitBatch(batch, position, name)
      epochs.visit(batch, position, name)
      indexes.visit(batch, position)
      turn.records += checkRecords(batch, position, name, { facts, findings: context.findings })
      context.visit(batch, position, name)
      turn.batches += 1
      turn.bytes += batch.sizeBytes
      endPosition = position + batch.sizeBytes
    } else {
      sequence.visitUnreadable(step, facts.number, name)
      indexes.skip(step.position, step.endPosition)
      turn.bytes += step.endPosition - step.position
    }
    if (turn.bytes < BYTES_PER_TURN) continue
    progress(turn.bytes, turn.batches, turn.records)
    turn = { bytes: 0, batches: 0, records: 0 }
    await environment.timers.yield()
    if (signal?.aborted) throw new TidemarkError('ABORTED', 'The check was stopped before its end.')
  }
  progress(turn.bytes, turn.batches, turn.records)
  indexes.finish(endPosition, sequence.nextOffset)
}

/** Decodes every record of a batch; returns how many there are. */
function checkRecords(
  batch: RecordBatch,
  position: number,
  file: string,
  { facts, findings }: { facts: SegmentFacts; findings: Findings },
): number {
  const { baseOffset, nextOffset, recordCount } = batch
  try {
    if (batch.isControl) {
      for (const { key, value } of batch.records()) decodeControlRecord(key, value)
    } else {
      const cursor = batch.cursor()
      while (cursor.next());
    }
  } catch (error) {
    if (!(error instanceof TidemarkError)) throw error
    const isUnsupported = error.code !== 'CORRUPT_BATCH'
    findings.add(file, {
      severity: isUnsupported ? 'warning' : 'damage',
      rule: 'records',
      position,
      offsetsLost: isUnsupported ? null : { from: baseOffset, to: nextOffset },
      offset: baseOffset,
      what: isUnsupported
        ? `${error.message} Its records could not be checked.`
        : `The batch's checksum is right, but its records cannot be decoded: it was written that way. ${error.message}`,
      whatABrokerWouldDo: 'It does not notice, and hands the batch out as it is.',
      whatToDo: isUnsupported
        ? 'Check it with a newer version.'
        : "Find out which producer wrote it. Consumers stop here until they are told to go on (onDamage: 'skip').",
    })
  }
  const missing = nextOffset - baseOffset - recordCount
  if (missing > 0 && !facts.isCompacted) {
    findings.add(file, {
      severity: 'warning',
      rule: 'offset-gap',
      position,
      what: `The batch spans offsets ${baseOffset} to ${nextOffset - 1} and holds ${recordCount} of these records; the topic is not compacted.`,
      offset: baseOffset,
      whatABrokerWouldDo: 'It does not notice: consumers pass over the missing offsets.',
      whatToDo: 'Nothing, if the topic was compacted earlier. Otherwise find out which producer wrote it.',
    })
  }
  return recordCount
}

/** The two indexes of a segment, either of which may be missing. */
class SegmentIndexes {
  readonly #facts: SegmentFacts
  readonly #findings: Findings
  readonly #offsets: OffsetIndexCheck | undefined
  readonly #times: TimeIndexCheck | undefined
  #bytesSinceEntry = 0
  #entriesDue = 0
  #maxTimestampMs = -1
  /** An index could not be read: it may well be there. */
  #isPartial = false

  constructor(facts: SegmentFacts, context: SegmentContext) {
    this.#facts = facts
    this.#findings = context.findings
    const load = (suffix: string): IndexFile | undefined => {
      const { path, name, baseOffset, isRecovered: isRebuiltOnOpen } = facts
      const place = { path: path + suffix, name: name + suffix, baseOffset, isRebuiltOnOpen }
      try {
        return IndexFile.load(context.environment.files, place)
      } catch (error) {
        context.findings.addUnreadable(place.name, error, 'This file')
        this.#isPartial = true
        return undefined
      }
    }
    const offsets = load('.index')
    const times = load('.timeindex')
    if (offsets !== undefined) this.#offsets = new OffsetIndexCheck(offsets, this.#findings)
    if (times !== undefined) this.#times = new TimeIndexCheck(times, this.#findings)
    offsets?.checkSize(this.#findings, 'offset-index', 8)
    times?.checkSize(this.#findings, 'time-index', 12)
  }

  visit(batch: RecordBatch, position: number): void {
    this.#offsets?.visit(batch, position)
    this.#times?.visit(batch)
    this.#maxTimestampMs = Math.max(this.#maxTimestampMs, batch.maxTimestampMs)
    // Kafka's rule, as far as it matters here: whether there should be any entry.
    if (this.#bytesSinceEntry > this.#facts.indexIntervalBytes) {
      this.#entriesDue += 1
      this.#bytesSinceEntry = 0
    }
    this.#bytesSinceEntry += batch.sizeBytes
  }

  skip(fromPosition: number, toPosition: number): void {
    this.#offsets?.skip(fromPosition, toPosition)
    this.#times?.skip()
  }

  finish(endPosition: number, nextOffset: number): void {
    const { isClosed, isRecovered } = this.#facts
    this.#offsets?.finish(endPosition)
    this.#times?.finish(nextOffset, isClosed)
    if (!isClosed || isRecovered || this.#isPartial) return
    const isOffsetsEmpty = (this.#offsets?.entryCount ?? 0) === 0 && this.#entriesDue > 0
    if (isOffsetsEmpty) this.#reportEmpty('.index', 'offset-index', this.#offsets === undefined ? 'note' : 'warning')
    // A broker makes a missing .timeindex anew only together with a missing .index.
    const isTimeAlone = this.#times === undefined && this.#offsets !== undefined && this.#maxTimestampMs >= 0
    if (isTimeAlone) this.#reportEmpty('.timeindex', 'time-index', 'warning')
  }

  #reportEmpty(suffix: string, rule: 'offset-index' | 'time-index', severity: 'note' | 'warning'): void {
    const isMissing = (suffix === '.index' ? this.#offsets : this.#times) === undefined
    this.#findings.add(this.#facts.name + suffix, {
      severity,
      rule,
      what: `The index ${isMissing ? 'is missing' : 'has no entry'}. No record is lost.`,
      whatABrokerWouldDo:
        severity === 'note'
          ? 'It makes the index anew from the log.'
          : 'It takes the index for whole, and may answer "latest by time" with -1.',
      whatToDo:
        severity === 'note'
          ? 'Nothing: Tidemark and a broker make it anew from the log.'
          : 'Tidemark makes up for it. Before a broker starts on the directory, stop the owner and remove the .index and .timeindex of this segment.',
    })
  }
}

function openIfThere(environment: Environment, path: string): File | undefined {
  try {
    return environment.files.open(path, { write: false })
  } catch (error) {
    // Deleted by its owner since the directory was listed.
    if ((error as { code?: string }).code === 'ENOENT') return undefined
    throw error
  }
}
