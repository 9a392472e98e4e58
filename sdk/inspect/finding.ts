import { TidemarkError } from '../errors.ts'
import { errnoOf } from '../log/storage-error.ts'

/**
 * How bad: `damage`: bytes are wrong or gone, so records are lost, may be read wrongly, or the directory does not open.
 * `warning`: something is wrong that has cost no record yet. `note`: worth knowing, and as it should be, for example after a crash.
 */
export type Severity = 'damage' | 'warning' | 'note'

/** One thing `verifyDirectory` found, for programs and, in its sentences, for people. */
export interface Finding {
  /** Whether something is lost, wrong, or only worth knowing. */
  readonly severity: Severity
  /** Which check found it; stable. */
  readonly rule: FindingRule
  /** The topic it is about; null where it is about the directory. */
  readonly topic: string | null
  /** The partition of it. */
  readonly partition: number | null
  /** Relative to the data directory. */
  readonly file: string
  /** Byte in the file; null where it concerns the file as a whole. */
  readonly position: number | null
  /** The first offset it is about; null where it is about none. */
  readonly offset: number | null
  /** Offsets that cannot be read any more, from (inclusive) to (exclusive; null: to the end, which nobody knows). */
  readonly offsetsLost: { readonly from: number; readonly to: number | null } | null
  /** What is wrong. */
  readonly what: string
  /** What a Kafka broker would do if it were started on the directory as it is. */
  readonly whatABrokerWouldDo: string
  /** A sentence. */
  readonly whatToDo: string
}

/** The check that found something. */
export type FindingRule =
  | 'batch'
  | 'records'
  | 'torn-tail'
  | 'offset-gap'
  | 'offset-order'
  | 'segment'
  | 'leader-epoch'
  | 'offset-index'
  | 'time-index'
  | 'transaction-index'
  | 'producer-snapshot'
  | 'checkpoint'
  | 'log-start'
  | 'log-end'
  | 'misplaced'
  | 'partition-metadata'
  | 'meta-properties'
  | 'metadata-log'
  | 'offsets-topic'
  | 'commit'
  | 'leftover'
  | 'unreadable'

/** What one check says; `Findings.add` knows the rest. */
export type FindingDetails = Omit<Finding, 'topic' | 'partition' | 'file' | 'position' | 'offset' | 'offsetsLost'> &
  Partial<Pick<Finding, 'position' | 'offset' | 'offsetsLost'>>

/** Collects findings about one partition, or about the directory itself. */
export class Findings {
  readonly list: Finding[]
  readonly topic: string | null
  readonly partition: number | null

  constructor(topic: string | null = null, partition: number | null = null, list: Finding[] = []) {
    this.topic = topic
    this.partition = partition
    this.list = list
  }

  /** Findings about a partition, in the same list. */
  about(topic: string, partition: number): Findings {
    return new Findings(topic, partition, this.list)
  }

  add(file: string, details: FindingDetails): void {
    const { severity, rule, position = null, offsetsLost = null, what, whatABrokerWouldDo, whatToDo } = details
    const { offset = offsetsLost?.from ?? null } = details
    const { topic, partition } = this
    const about = { severity, rule, topic, partition, file, position, offset, offsetsLost }
    this.list.push({ ...about, what, whatABrokerWouldDo, whatToDo })
  }

  /**
   * What could not be read because the disk or the permissions did not let us; the check goes on elsewhere. `unchecked`:
   * "This file". Errors of another kind are thrown on.
   */
  addUnreadable(file: string, error: unknown, unchecked: string): void {
    const isAborted = error instanceof TidemarkError && error.code === 'ABORTED'
    const errno = error instanceof TidemarkError ? undefined : errnoOf(error)
    if (isAborted || (errno === undefined && !(error instanceof TidemarkError))) throw error
    const isForbidden = errno === 'EACCES' || errno === 'EPERM'
    this.add(file, {
      severity: isForbidden ? 'warning' : 'damage',
      rule: 'unreadable',
      what: `${unchecked} could not be read and was not checked: ${(error as Error).message.replace(/\.$/, '')}.`,
      whatABrokerWouldDo: isForbidden
        ? 'It stops when it starts, unless it runs as a user who may read this.'
        : 'It takes the whole directory out of service when it meets the error.',
      whatToDo: isForbidden
        ? 'Run this as the user who owns the directory, or correct the permissions; then verify again.'
        : 'Look at the disk and the system log. If the disk is failing, copy what can be read to another one first; then verify again.',
    })
  }
}

/** Whether two looks at the same directory found the same thing. */
export function isSameFinding(one: Finding, other: Finding): boolean {
  return (
    one.rule === other.rule &&
    one.severity === other.severity &&
    one.file === other.file &&
    one.position === other.position
  )
}

/** Whether there is anything to worry about. */
export function isTrouble(finding: Finding): boolean {
  return finding.severity !== 'note'
}
