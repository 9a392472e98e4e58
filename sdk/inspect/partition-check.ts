import { CLUSTER_METADATA_TOPIC, PARTITION_METADATA, readPartitionMetadata } from '../directory/partition-directory.ts'
import { TidemarkError } from '../errors.ts'
import { LEADER_EPOCH_CHECKPOINT, LeaderEpochs } from '../log/leader-epochs.ts'
import { parseSegmentFileName, segmentFileName } from '../log/segment-name.ts'
import { BatchSequence } from './batch-sequence.ts'
import type { CheckContext } from './check-context.ts'
import { Findings } from './finding.ts'
import { LeaderEpochCheck } from './leader-epoch-check.ts'
import { checkLogEnd, checkLogStart } from './log-end-check.ts'
import { checkProducerSnapshot } from './producer-snapshot-check.ts'
import { checkSegment, type SegmentContext } from './segment-check.ts'
import { checkTransactionIndex } from './transaction-index-check.ts'
import { type LogOutcome, unreadableFinding } from './unreadable-finding.ts'

/** What is known about a partition from outside its directory. */
export interface PartitionFacts {
  readonly topic: string
  readonly partition: number
  readonly directoryName: string
  /** undefined where the metadata log does not know the topic, or cannot be read. */
  readonly expected: { readonly topicId: string; readonly leaderEpoch: number } | undefined
  readonly isMetadataReadable: boolean
  readonly isCompacted: boolean
  readonly indexIntervalBytes: number
  /** By the directory's checkpoints; undefined where they do not say. */
  readonly recoveryPoint: number | undefined
  readonly highWatermark: number | undefined
  readonly logStartOffset: number | undefined
}

export interface PartitionOutcome {
  readonly findings: Findings
  readonly topicId: string | undefined
  readonly logStartOffset: number
  /** Infinity where the disk did not let us see the end. */
  readonly logEndOffset: number
}

export type BatchVisitor = SegmentContext['visit']

/** Checks everything in one partition's directory; what it cannot know alone stands in `facts`. */
export async function checkPartition(
  facts: PartitionFacts,
  context: CheckContext,
  visit: BatchVisitor,
): Promise<PartitionOutcome> {
  const check = new PartitionCheck(facts, context)
  return check.run(visit)
}

class PartitionCheck {
  readonly #facts: PartitionFacts
  readonly #context: CheckContext
  readonly #findings: Findings
  readonly #path: string

  constructor(facts: PartitionFacts, context: CheckContext) {
    this.#facts = facts
    this.#context = context
    this.#findings = new Findings(facts.topic, facts.partition)
    this.#path = context.environment.files.join(context.directory, facts.directoryName)
  }

  async run(visit: BatchVisitor): Promise<PartitionOutcome> {
    const { isCompacted } = this.#facts
    const names = this.#context.environment.files.list(this.#path)
    const bases = this.#segmentBases(names)
    const topicId = this.#checkIdentity(bases)
    const sequence = new BatchSequence(this.#findings, isCompacted, bases[0] ?? 0)
    const starts = this.#loadEpochs()
    const epochs = new LeaderEpochCheck(this.#findings, starts)
    const log = await this.#checkSegments(bases, sequence, epochs, visit)
    sequence.finish()
    epochs.finish()
    let { logEndOffset } = log
    for (const bytes of sequence.unreadable) {
      const finding = unreadableFinding(bytes, log)
      this.#findings.add(bytes.file, finding)
      // What was damaged at the end still counts as there: only its records are lost, not its place.
      if (finding.offsetsLost?.to) logEndOffset = Math.max(logEndOffset, finding.offsetsLost.to)
    }
    checkLogEnd({ facts: this.#facts, log, sequence, lastEpoch: epochs.lastEpoch, findings: this.#findings })
    this.#checkOtherFiles(names, bases, logEndOffset)
    const ends = { firstOffset: bases[0], epochStart: starts?.[0]?.startOffset }
    checkLogStart(this.#facts, log, ends, this.#findings)
    const firstOffset = bases[0] ?? 0
    const logStartOffset = Math.max(firstOffset, this.#facts.logStartOffset ?? firstOffset)
    return { findings: this.#findings, topicId, logStartOffset, logEndOffset }
  }

  async #checkSegments(
    bases: readonly number[],
    sequence: BatchSequence,
    epochs: LeaderEpochCheck,
    visit: BatchVisitor,
  ): Promise<LogOutcome> {
    const { environment, wasCleanShutdown, progress, signal } = this.#context
    const { isCompacted, indexIntervalBytes } = this.#facts
    const recoveryPoint = this.#facts.recoveryPoint ?? 0
    const context = { environment, findings: this.#findings, sequence, epochs, visit, progress, signal }
    const segments: { sizeBytes: number; isRecovered: boolean }[] = []
    const { path, findings } = { path: this.#path, findings: this.#findings }
    let isEndSeen = true
    for (const [number, baseOffset] of bases.entries()) {
      const nextBaseOffset = bases[number + 1] ?? Number.POSITIVE_INFINITY
      const isLast = number === bases.length - 1
      const base = segmentFileName(baseOffset, '')
      const isRecovered = !wasCleanShutdown && (isLast || nextBaseOffset > recoveryPoint)
      const segment = {
        number,
        baseOffset,
        nextBaseOffset,
        isCompacted,
        isClosed: !isLast || wasCleanShutdown,
        isRecovered,
        indexIntervalBytes,
        path: environment.files.join(path, base),
        name: this.#name(base),
      }
      let sizeBytes = 0
      try {
        sizeBytes = (await checkSegment(segment, context)) ?? 0
      } catch (error) {
        findings.addUnreadable(`${segment.name}.log`, error, 'This file')
        if (isLast) isEndSeen = false
        else sequence.passOver(nextBaseOffset)
      }
      segments.push({ sizeBytes, isRecovered })
    }
    const logEndOffset = isEndSeen ? sequence.nextOffset : Number.POSITIVE_INFINITY
    return { logEndOffset, wasCleanShutdown, recoveryPoint, segments }
  }

  #segmentBases(names: readonly string[]): number[] {
    const bases: number[] = []
    for (const name of names) {
      const parsed = parseSegmentFileName(name)
      if (parsed?.suffix === '.log') bases.push(parsed.baseOffset)
    }
    return bases.sort((one, other) => one - other)
  }

  #loadEpochs(): LeaderEpochs['starts'] | undefined {
    try {
      const { starts } = LeaderEpochs.load(this.#context.environment.files, this.#path)
      return starts.length === 0 ? undefined : starts
    } catch (error) {
      if (!(error instanceof TidemarkError)) {
        this.#findings.addUnreadable(this.#name(LEADER_EPOCH_CHECKPOINT), error, 'This file')
        return undefined
      }
      this.#findings.add(this.#name(LEADER_EPOCH_CHECKPOINT), {
        severity: 'warning',
        rule: 'checkpoint',
        what: error.message,
        whatABrokerWouldDo: 'It takes the whole directory out of service.',
        whatToDo: 'No record is lost. Stop the owner and remove the file: it is written anew from the log.',
      })
      return undefined
    }
  }

  /** Returns the topic id that the directory says it belongs to. */
  #checkIdentity(bases: readonly number[]): string | undefined {
    const { topic, expected, isMetadataReadable } = this.#facts
    const name = this.#name(PARTITION_METADATA)
    const stray = `It renames the directory to ${this.#facts.directoryName}.…-stray and does not serve it.`
    let topicId: string | undefined
    try {
      topicId = readPartitionMetadata(this.#context.environment.files, this.#path)
    } catch (error) {
      if (!(error instanceof TidemarkError)) {
        this.#findings.addUnreadable(name, error, 'This file')
        return undefined
      }
      this.#findings.add(name, {
        severity: 'warning',
        rule: 'partition-metadata',
        what: error.message,
        whatABrokerWouldDo: stray,
        whatToDo: `Write it anew with this topic's id${expected === undefined ? '' : `, ${expected.topicId}`}.`,
      })
      return undefined
    }
    if (topic === CLUSTER_METADATA_TOPIC || !isMetadataReadable) return topicId
    const problem =
      expected === undefined
        ? 'The metadata log knows no such partition.'
        : topicId === undefined
          ? 'The file is missing.'
          : topicId !== expected.topicId
            ? `The directory belongs to topic id ${topicId}; the metadata log has ${expected.topicId} for this topic.`
            : undefined
    if (problem === undefined) return topicId
    const isUnbegun = topicId === undefined && !this.#context.wasCleanShutdown && !this.#hasBytes(bases)
    this.#findings.add(name, {
      severity: isUnbegun ? 'note' : 'warning',
      rule: 'partition-metadata',
      what: problem,
      whatABrokerWouldDo: stray,
      whatToDo: isUnbegun
        ? 'Nothing: a crash came while the partition began. It has no record, and the next opening begins it anew.'
        : expected === undefined
          ? 'If the topic was deleted, the next opening removes what is left of it. Otherwise restore __cluster_metadata-0 from a copy.'
          : 'Restore the file from a copy. If it is missing after a crash, the next opening writes it.',
    })
    return topicId
  }

  #hasBytes(bases: readonly number[]): boolean {
    const { files } = this.#context.environment
    return bases.some((base) => {
      const stat = files.stat(files.join(this.#path, segmentFileName(base, '.log')))
      return stat !== undefined && stat.sizeBytes > 0
    })
  }

  #checkOtherFiles(names: readonly string[], bases: readonly number[], logEndOffset: number): void {
    const { files } = this.#context.environment
    for (const name of [...names].sort()) {
      const parsed = parseSegmentFileName(name)
      if (parsed === undefined) continue
      const target = {
        files,
        path: files.join(this.#path, name),
        name: this.#name(name),
        findings: this.#findings,
        isMendedOnOpen: !this.#context.wasCleanShutdown,
      }
      const hasLog = bases.includes(parsed.baseOffset)
      try {
        if (parsed.suffix === '.snapshot') checkProducerSnapshot(target, parsed.baseOffset, logEndOffset)
        else if (parsed.suffix === '.txnindex' && hasLog) checkTransactionIndex(target, logEndOffset)
      } catch (error) {
        this.#findings.addUnreadable(target.name, error, 'This file')
      }
      if (parsed.suffix.startsWith('.') && !hasLog && ORPHANS.has(parsed.suffix)) this.#reportOrphan(target.name)
    }
  }

  #reportOrphan(name: string): void {
    this.#findings.add(name, {
      severity: 'warning',
      rule: 'segment',
      what: 'The index is there, but not the log file it belongs to.',
      whatABrokerWouldDo: 'It removes this file.',
      whatToDo:
        'If the .log file was lost, restore it from a copy. If the segment was deleted on purpose, remove this file.',
    })
  }

  #name(name: string): string {
    return `${this.#facts.directoryName}/${name}`
  }
}

const ORPHANS: ReadonlySet<string> = new Set(['.index', '.timeindex', '.txnindex'])
