import type { Randomness } from '../environment/environment.ts'
import { TidemarkError } from '../errors.ts'
import {
  aFunction,
  checkArgument,
  checkOption,
  checkOptions,
  count,
  milliseconds,
  type OptionKind,
  type OptionKinds,
  object,
  oneOf,
  shown,
} from './option-check.ts'

/**
 * What becomes of a record whose last attempt has failed. 'stop': the run ends with the handler's error, and the record is
 * handed out again to whoever goes on. 'skip': it counts as processed, with a warning. A dead letter: the record is sent to
 * that topic as it is, with headers that tell what happened, and then counts as processed.
 */
export type FailureAction = 'stop' | 'skip' | { readonly deadLetter: string }

/** How often a handler is called for a record, and when. */
export interface RetryOptions {
  /** How often at most, the first attempt included. */
  readonly attempts: number
  /**
   * How long to wait before the next attempt, in milliseconds, or what tells it from the number of the one that failed.
   * Default: 100 ms, doubled each time up to 30 s, and of that something between the half and all of it.
   */
  readonly delayMs?: number | ((attempt: number) => number) | undefined
  /** Whether trying again may help. Default: always. What cannot be decoded is never tried again. */
  readonly when?: ((error: unknown) => boolean) | undefined
}

/** How `consumer.run` calls its handler. Every option has a default. */
export interface RunOptions<R> {
  /** How many records are worked on at the same time. Default 1: a handler that is not made for more gets no more. */
  readonly concurrency?: number | undefined
  /**
   * What stays in order. 'key' (default): records of a partition with equal keys, one after the other; those without a key
   * are independent. 'partition': all records of a partition. 'none': nothing.
   */
  readonly order?: 'key' | 'partition' | 'none' | undefined
  /** Default: one attempt. */
  readonly retry?: RetryOptions | undefined
  /**
   * How long an attempt may take, in milliseconds. Then its signal aborts and it has failed, whatever the handler still
   * does: one that goes on regardless overlaps with the next attempt. Default: for ever.
   */
  readonly attemptTimeoutMs?: number | undefined
  /** What to do when the last attempt has failed, or what tells it. Default 'stop'. */
  readonly onFailure?:
    | FailureAction
    | ((record: R, error: unknown) => FailureAction | Promise<FailureAction>)
    | undefined
}

/** The same, settled. */
export interface CheckedRunOptions<R> {
  readonly concurrency: number
  readonly order: 'key' | 'partition' | 'none'
  readonly attempts: number
  readonly delayMs: (attempt: number) => number
  readonly when: (error: unknown) => boolean
  readonly attemptTimeoutMs: number
  readonly onFailure: FailureAction | ((record: R, error: unknown) => FailureAction | Promise<FailureAction>)
}

const FIRST_DELAY_MS = 100
const MAX_DELAY_MS = 30_000

const delay: OptionKind = {
  expected: 'a number of milliseconds, or a function that tells it from the number of the attempt that failed',
  accepts: (value) => typeof value === 'function' || milliseconds(0).accepts(value),
}

const failure: OptionKind = {
  expected: "'stop', 'skip', { deadLetter: 'a topic' }, or a function that answers one of these",
  accepts: (value) => typeof value === 'function' || isFailureAction(value),
}

const RUN_KINDS: OptionKinds<RunOptions<never>> = {
  concurrency: count(1),
  order: oneOf('key', 'partition', 'none'),
  retry: object('an object, such as { attempts: 5 }'),
  attemptTimeoutMs: milliseconds(1),
  onFailure: failure,
}
const RETRY_KINDS: OptionKinds<RetryOptions> = { attempts: count(1), delayMs: delay, when: aFunction }

/** @throws {TidemarkError} INVALID_ARGUMENT */
export function checkHandler(handler: unknown): void {
  checkArgument('run', 'a handler', handler, aFunction, 'run(async (record) => { … })')
}

/** @throws {TidemarkError} INVALID_ARGUMENT */
export function checkRunOptions<R>(options: RunOptions<R>, random: Randomness): CheckedRunOptions<R> {
  checkOptions('run', options, RUN_KINDS as OptionKinds<RunOptions<R>>)
  const { retry, onFailure = 'stop' } = options
  if (retry !== undefined) {
    checkOptions('run: retry', retry, RETRY_KINDS)
    checkArgument('run: retry', 'attempts', retry.attempts, count(1), 'retry: { attempts: 5 }')
  }
  const { delayMs = (attempt: number) => backOffMs(attempt, random) } = retry ?? {}
  return {
    concurrency: options.concurrency ?? 1,
    order: options.order ?? 'key',
    attempts: retry?.attempts ?? 1,
    delayMs: typeof delayMs === 'function' ? delayMs : () => delayMs,
    when: retry?.when ?? (() => true),
    attemptTimeoutMs: options.attemptTimeoutMs ?? Number.POSITIVE_INFINITY,
    onFailure,
  }
}

/** What a function answered. @throws {TidemarkError} INVALID_ARGUMENT */
export function checkedAction(action: FailureAction): FailureAction {
  if (!isFailureAction(action)) {
    const message = `run: onFailure answered ${shown(action)}; it must answer 'stop', 'skip' or { deadLetter: 'a topic' }.`
    throw new TidemarkError('INVALID_ARGUMENT', message)
  }
  return action
}

/** What `delayMs` answered. @throws {TidemarkError} INVALID_ARGUMENT */
export function checkedDelayMs(delayMs: number): number {
  checkOption('run: what delayMs answered', delayMs, milliseconds(0))
  return delayMs
}

function isFailureAction(value: unknown): value is FailureAction {
  if (value === 'stop' || value === 'skip') return true
  const { deadLetter, ...others } = Object(value) as { readonly deadLetter?: unknown }
  return typeof deadLetter === 'string' && deadLetter !== '' && Object.keys(others).length === 0
}

function backOffMs(attempt: number, random: Randomness): number {
  const longestMs = Math.min(FIRST_DELAY_MS * 2 ** (attempt - 1), MAX_DELAY_MS)
  return longestMs * (0.5 + random.number() / 2)
}
