import type { Isolation } from '../broker/broker.ts'
import { TidemarkError } from '../errors.ts'
import { type CommitOptions, type CommitRules, DEFAULT_COMMIT } from './committer.ts'
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
   * only by `done()`; for parallel work, and for whatever asks for records ahead of its work, like streams.
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
  /** Whether records of open and aborted transactions are handed out. Default 'read_uncommitted', as Kafka's. */
  readonly isolation?: Isolation | undefined
  /** Read ahead per partition, in bytes; a batch that is larger is read nonetheless. Default 2 MiB. */
  readonly maxBufferedBytes?: number | undefined
  /** With `processed: 'done'`: a partition with this many undone records waits. Default 10,000. */
  readonly maxUndone?: number | undefined
  /** Makes this a static member (KIP-345): it may restart within the session timeout and gets its partitions back. */
  readonly instanceId?: string | undefined
  /** How long, in milliseconds, a body may go on with a partition that is to go to another member. Default 300,000. */
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
  isolation: 'read_uncommitted',
  maxBufferedBytes: 2 * 1024 * 1024,
  maxUndone: 10_000,
  rebalanceTimeoutMs: 300_000,
} as const satisfies Partial<ConsumeOptions>

/** The options with their defaults. @throws {TidemarkError} INVALID_ARGUMENT */
export function checkConsumeOptions(options: ConsumeOptions): CheckedConsumeOptions {
  if (typeof options.group !== 'string' || options.group === '') {
    throw new TidemarkError('INVALID_GROUP_ID', 'consume needs { group }: the name under which progress is remembered.')
  }
  const commit: 'manual' | CommitRules =
    options.commit === 'manual' ? 'manual' : { ...DEFAULT_COMMIT, ...defined(options.commit ?? {}) }
  const { signal, instanceId, assignor, ...rest } = options
  const checked = { ...DEFAULT_CONSUME, ...defined(rest), commit, signal, instanceId, assignor, group: options.group }
  checkOneOf('processed', checked.processed, ['next', 'done'])
  checkOneOf('whenLost', checked.whenLost, ['throw', 'earliest', 'latest'])
  checkOneOf('onDamage', checked.onDamage, ['throw', 'skip'])
  checkOneOf('isolation', checked.isolation, ['read_uncommitted', 'read_committed'])
  checkPosition('whenNew', checked.whenNew)
  checkAtLeast('limit', checked.limit, 1)
  checkAtLeast('maxBufferedBytes', checked.maxBufferedBytes, 1)
  checkAtLeast('maxUndone', checked.maxUndone, 1)
  checkAtLeast('rebalanceTimeoutMs', checked.rebalanceTimeoutMs, 1)
  if (commit !== 'manual') {
    checkAtLeast('commit.everyRecords', commit.everyRecords, 1)
    checkAtLeast('commit.intervalMs', commit.intervalMs, 1)
    checkAtLeast('commit.idleMs', commit.idleMs, 0)
  }
  return checked
}

export function checkAtLeast(name: string, value: number, least: number): void {
  if (typeof value === 'number' && value >= least) return
  throw new TidemarkError('INVALID_ARGUMENT', `${name} is ${String(value)}; it must be a number of at least ${least}.`)
}

export function checkOneOf(name: string, value: string, allowed: readonly string[]): void {
  if (allowed.includes(value)) return
  const choices = allowed.map((each) => `'${each}'`).join(', ')
  throw new TidemarkError('INVALID_ARGUMENT', `${name} is ${JSON.stringify(value)}; it must be one of ${choices}.`)
}

export function checkPosition(name: string, value: Position): void {
  if (value === 'earliest' || value === 'latest') return
  if (typeof value === 'object' && value !== null) {
    const number = 'offset' in value ? value.offset : value.timestampMs
    if (Number.isSafeInteger(number) && number >= 0) return
  }
  const message = `${name} is ${JSON.stringify(value)}; it must be 'earliest', 'latest', { offset } or { timestampMs }.`
  throw new TidemarkError('INVALID_ARGUMENT', message)
}

/** Without what is explicitly undefined, so that it does not hide a default. */
function defined<T extends object>(options: T): { [Key in keyof T]: Exclude<T[Key], undefined> } {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as { [Key in keyof T]: Exclude<T[Key], undefined> }
}
