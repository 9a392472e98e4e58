/**
 * How bad: `damage`: bytes are wrong, and records are lost or may be read wrongly. `warning`: something is wrong that
 * has cost no record yet. `note`: worth knowing, and as it should be, for example after a crash.
 */
export type Severity = 'damage' | 'warning' | 'note'

/** One thing `verifyDirectory` found, for programs and, in its sentences, for people. */
export interface Finding {
  readonly severity: Severity
  /** Which check found it; stable. */
  readonly rule: FindingRule
  readonly topic: string | null
  readonly partition: number | null
  /** Relative to the data directory. */
  readonly file: string
  /** Byte in the file; null where it concerns the file as a whole. */
  readonly position: number | null
  /** Offsets that cannot be read any more, from (inclusive) to (exclusive; null: to the end, which nobody knows). */
  readonly offsetsLost: { readonly from: number; readonly to: number | null } | null
  /** What is wrong. */
  readonly what: string
  /** What a Kafka broker would remove if it were started on the directory as it is; null: nothing. */
  readonly whatABrokerWouldCut: string | null
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
  | 'log-end'
  | 'partition-metadata'
  | 'meta-properties'
  | 'metadata-log'
  | 'offsets-topic'
  | 'commit'
  | 'leftover'
  | 'unreadable'

/** What one check says; `Findings.add` knows the rest. */
export type FindingDetails = Omit<
  Finding,
  'topic' | 'partition' | 'file' | 'position' | 'offsetsLost' | 'whatABrokerWouldCut'
> &
  Partial<Pick<Finding, 'position' | 'offsetsLost' | 'whatABrokerWouldCut'>>

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
    const { severity, rule, position = null, offsetsLost = null, what, whatABrokerWouldCut = null, whatToDo } = details
    const { topic, partition } = this
    this.list.push({
      severity,
      rule,
      topic,
      partition,
      file,
      position,
      offsetsLost,
      what,
      whatABrokerWouldCut,
      whatToDo,
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
