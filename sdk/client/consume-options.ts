import type { Isolation } from '../broker/broker.ts'
import { TidemarkError } from '../errors.ts'
import { checkGroupId } from '../offsets/group-id.ts'
import { type CommitOptions, type CommitRules, DEFAULT_COMMIT } from './committer.ts'
import {
  boolean,
  checkOptions,
  count,
  milliseconds,
  type OptionKinds,
  object,
  oneOf,
  position,
  shown,
  signal,
  text,
  wholeNumber,
} from './option-check.ts'
import type { Position } from './position.ts'
import type { WhenLost } from './start-positions.ts'

/** What a loop that meets damaged bytes does: throw CORRUPT_BATCH with the range, or warn and go on behind it. */
export type OnDamage = 'throw' | 'skip'

/** Every option but `group` has a default. */
export interface ConsumeOptions {
  /** The name under which progress is remembered. Members with the same one share the partitions. */
  readonly group: string
  /** Where to start in a partition the group has no commit for. Default 'earliest': nothing is skipped. */
  readonly whenNew?: Position | undefined
  /**
   * What to do where the group's position lies below the log's start, past its end, or on another history. Default
   * 'throw': LOG_TRUNCATED or OFFSET_OUT_OF_RANGE with both offsets.
   */
  readonly whenLost?: WhenLost | undefined
  /** What to do at damaged bytes. Default 'throw'. */
  readonly onDamage?: OnDamage | undefined
  /**
   * When a record counts as processed. 'next' (default): when the loop asks for the next one, or by `done()`. 'done':
   * only by `done()`; for parallel work, and for whatever asks for records ahead of its work, like streams. With `run`: when
   * the handler is through with it.
   */
  readonly processed?: 'next' | 'done' | undefined
  /**
   * 'manual': only `consumer.commit()` commits. Otherwise what was processed is committed in the background: after 1,000
   * records of a partition, after 5 s, or when the loop has caught up.
   */
  readonly commit?: 'manual' | CommitOptions | undefined
  /** Default true. false: the loop ends when it has handed out what was there when it got each partition. */
  readonly follow?: boolean | undefined
  /** The loop ends after this many records. Default: never. */
  readonly limit?: number | undefined
  /** Ends the loop quietly after the body in hand, which counts. */
  readonly signal?: AbortSignal | undefined
  /** 'read_uncommitted': records of open and aborted transactions are handed out, too. Default 'read_committed'. */
  readonly isolation?: Isolation | undefined
  /** Read ahead per partition, in bytes; a batch that is larger is read nonetheless. Default 2 MiB. */
  readonly maxBufferedBytes?: number | undefined
  /** With `processed: 'done'`, streams and `run`: a partition with this many undone records waits. Default 10,000. */
  readonly maxUndone?: number | undefined
  /**
   * Makes this a static member (KIP-345), by a name of its own in the group: it keeps its partitions for 45 s while it is
   * away, so neither a consumer that is closed and made anew nor a restart of the process moves any. Nobody else gets them
   * meanwhile, and the group is not empty. After a crash the 45 s count from the last commit of any group.
   */
  readonly instanceId?: string | undefined
  /**
   * How long, in milliseconds, a body may go on with a partition that is to go to another member, which waits meanwhile.
   * Default 300,000. So a loop must not wait inside its body for another one of the same group: after 3 s a warning
   * (`TIDEMARK_RELEASE_WAITS`) says which record holds up which partition.
   */
  readonly rebalanceTimeoutMs?: number | undefined
  /** How the group spreads its partitions: 'uniform' or 'range'. Default: as the broker likes. */
  readonly assignor?: string | undefined
}

type Settled<T> = { [Key in keyof T]-?: Exclude<T[Key], undefined> }

export type CheckedConsumeOptions = Settled<Omit<ConsumeOptions, 'signal' | 'instanceId' | 'assignor' | 'commit'>> & {
  readonly commit: 'manual' | CommitRules
  readonly signal: AbortSignal | undefined
  readonly instanceId: string | undefined
  readonly assignor: string | undefined
}

export const DEFAULT_CONSUME = {
  whenNew: 'earliest',
  whenLost: 'throw',
  onDamage: 'throw',
  processed: 'next',
  follow: true,
  limit: Number.POSITIVE_INFINITY,
  isolation: 'read_committed',
  maxBufferedBytes: 2 * 1024 * 1024,
  maxUndone: 10_000,
  rebalanceTimeoutMs: 300_000,
} as const satisfies Partial<ConsumeOptions>

const CONSUME_KINDS: OptionKinds<ConsumeOptions> = {
  group: text,
  whenNew: position,
  whenLost: oneOf('throw', 'earliest', 'latest'),
  onDamage: oneOf('throw', 'skip'),
  processed: oneOf('next', 'done'),
  commit: {
    expected: "'manual', or { everyRecords, intervalMs, idleMs }; without it what is processed is committed by itself",
    accepts: (value) => value === 'manual' || object('').accepts(value),
  },
  follow: boolean,
  limit: count(1),
  signal,
  isolation: oneOf('read_uncommitted', 'read_committed'),
  maxBufferedBytes: count(1),
  maxUndone: count(1),
  instanceId: text,
  rebalanceTimeoutMs: wholeNumber(1),
  assignor: text,
}

const COMMIT_KINDS: OptionKinds<CommitOptions> = {
  everyRecords: count(1),
  intervalMs: milliseconds(1),
  idleMs: milliseconds(0),
}

/** The options with their defaults. @throws {TidemarkError} INVALID_ARGUMENT, INVALID_GROUP_ID */
export function checkConsumeOptions(options: ConsumeOptions): CheckedConsumeOptions {
  const { group } = Object(options) as Partial<ConsumeOptions>
  if (typeof group !== 'string' || group === '') {
    const given = typeof options === 'object' ? (group ?? undefined) : options
    const instead = given === undefined ? '' : `, not ${shown(given)}`
    const message = `consume needs { group: 'a name' }${instead}: the name under which progress is remembered.`
    throw new TidemarkError('INVALID_GROUP_ID', message)
  }
  checkGroupId(group)
  checkOptions('consume', options, CONSUME_KINDS)
  if (typeof options.commit === 'object') checkOptions('consume: commit', options.commit, COMMIT_KINDS)
  const { signal: until, instanceId, assignor, commit, ...rest } = options
  return {
    ...DEFAULT_CONSUME,
    ...defined(rest),
    commit: commit === 'manual' ? 'manual' : { ...DEFAULT_COMMIT, ...defined(commit ?? {}) },
    signal: until,
    instanceId,
    assignor,
    group,
  }
}

/** Without what is explicitly undefined, so that it does not hide a default. */
function defined<T extends object>(options: T): { [Key in keyof T]: Exclude<T[Key], undefined> } {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as { [Key in keyof T]: Exclude<T[Key], undefined> }
}
