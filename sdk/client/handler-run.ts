import { TidemarkError } from '../errors.ts'
import type { NotedAttempts } from '../offsets/attempts-metadata.ts'
import { type Attempt, RunningAttempt, tooLate, unfinished } from './attempt.ts'
import type { ClientContext } from './client-context.ts'
import type { Consumption } from './consumption.ts'
import { FailedRecords } from './failed-records.ts'
import type { FetchedRecord } from './fetched-record.ts'
import { HandlerTask } from './handler-task.ts'
import { keepingAlive } from './keep-alive.ts'
import { Lanes } from './lanes.ts'
import type { LoopSource } from './loop-source.ts'
import type { ProcessedPrefix } from './processed.ts'
import { RecordLoop } from './record-loop.ts'
import { RememberedAttempts } from './remembered-attempts.ts'
import { type CheckedRunOptions, checkedDelayMs, type FailureAction } from './run-options.ts'

/**
 * Processes are killed from outside, too, and then something innocent is under way. Who is under way, alone, at the end of so
 * many processes in a row is the reason.
 */
const DEADLY_ATTEMPTS = 6

/** What is done with a record; it is done when the promise it answers resolves. */
export type Handler<R> = (record: R, attempt: Attempt) => unknown

export interface RunLimits {
  /** Records after which nothing more is handed out. */
  readonly limit: number
  /** So far behind the oldest record of a partition that is not processed may the newest be that was begun. */
  readonly maxUndone: number
}

/**
 * Calls a handler for every record of a consumption, several at a time, and again where it failed. A record counts when
 * its handler is through with it; what is committed is the prefix without holes, as with a loop.
 *
 * A record that waits for its next attempt keeps its lane and takes none of the room.
 */
export class HandlerRun<R> {
  readonly #context: ClientContext
  readonly #consumption: Consumption
  readonly #handler: Handler<R>
  readonly #options: CheckedRunOptions<R>
  readonly #loop: RecordLoop<R>
  readonly #lanes = new Lanes<HandlerTask>()
  readonly #attempts: RememberedAttempts
  readonly #failed: FailedRecords<R>
  /** Everything that was handed out and is neither processed nor given up. */
  readonly #tasks = new Set<HandlerTask>()
  /** Whose turn it is, as soon as there is room. */
  readonly #ready: HandlerTask[] = []
  /** Partitions of which nothing more is begun. */
  readonly #leaving = new WeakSet<ProcessedPrefix>()
  /** What is being done about records that have failed for good. */
  readonly #carrying = new Set<Promise<void>>()
  #running = 0
  /** A suspect runs, and nothing beside it. */
  #runsAlone = false
  #isBeginning = false
  #isClosing = false
  #failure: { readonly error: unknown } | undefined
  #wakeWithRoom: (() => void) | undefined
  #wakeIdle: (() => void) | undefined

  constructor(
    context: ClientContext,
    consumption: Consumption,
    handler: Handler<R>,
    options: CheckedRunOptions<R>,
    { limit, maxUndone }: RunLimits,
  ) {
    this.#context = context
    this.#consumption = consumption
    this.#handler = handler
    this.#options = options
    this.#loop = new RecordLoop<R>(withoutEnd(consumption), { limit, countsNext: false, maxUndone })
    const believes = (found: NotedAttempts) => isBelieved(found, options)
    this.#attempts = new RememberedAttempts(context.environment, () => consumption.commitNow(), believes)
    this.#failed = new FailedRecords(context, consumption, options.onFailure)
  }

  /** Resolves when the consumption is over and everything that was begun is through; rejects with what stopped it. */
  async run(): Promise<void> {
    const consumption = this.#consumption
    consumption.onInterrupt = () => {
      this.#loop.interrupt()
      if (!consumption.mayBegin) this.#leave(consumption.prefixes)
    }
    consumption.onLeaving = (prefixes) => this.#leave(prefixes)
    // Who gets the partition next looks for letters that are there, and must not miss one that is about to be.
    consumption.onClosing = () => {
      this.#isClosing = true
      return Promise.allSettled(this.#carrying)
    }
    await keepingAlive(this.#context.environment.timers, this.#takeAll())
    const failure = this.#failure ?? consumption.failed
    await consumption.finish(failure === undefined ? 'ended' : 'failed')
    if (failure !== undefined) throw failure.error
  }

  async #takeAll(): Promise<void> {
    try {
      for (;;) {
        if (!this.#hasRoom) await this.#room()
        const { done, value } = await this.#loop.next()
        if (done === true) break
        this.#accept(value as FetchedRecord)
      }
    } catch (error) {
      this.#stop(error)
    }
    if (this.#tasks.size > 0) await new Promise<void>((resolve) => (this.#wakeIdle = resolve))
  }

  #room(): Promise<void> {
    return new Promise((resolve) => (this.#wakeWithRoom = resolve))
  }

  #accept(record: FetchedRecord): void {
    const { prefix } = record
    if (!this.#consumption.mayBegin || !prefix.isOpen || this.#leaving.has(prefix)) return
    const task = new HandlerTask(record, this.#options.order, this.#attempts.found(prefix, record.offset))
    this.#tasks.add(task)
    if (this.#lanes.enter(task)) this.#readyNow(task)
  }

  #readyNow(task: HandlerTask): void {
    task.state = 'ready'
    this.#ready.push(task)
    this.#beginReady()
  }

  get #hasRoom(): boolean {
    return this.#running < this.#options.concurrency && !this.#runsAlone
  }

  /** In a loop of its own, since a handler that answers at once makes the next one ready before this returns. */
  #beginReady(): void {
    if (this.#isBeginning) return
    this.#isBeginning = true
    while (this.#hasRoom) {
      const [task] = this.#ready
      if (task === undefined || (task.isSuspect && this.#running > 0)) break
      this.#ready.shift()
      if (task.isDropped) continue
      if (task.counts && !this.#leaving.has(task.prefix)) this.#begin(task)
      else this.#end(task)
    }
    this.#isBeginning = false
    if (this.#hasRoom || !this.#consumption.mayBegin) this.#wakeWithRoom?.()
    if (this.#tasks.size === 0) this.#wakeIdle?.()
  }

  #begin(task: HandlerTask): void {
    const { attempts, attemptTimeoutMs } = this.#options
    const { record, prefix } = task
    this.#running++
    this.#runsAlone = task.isSuspect
    task.state = 'running'
    if (task.attempts >= (task.isSuspect ? Math.max(attempts, DEADLY_ATTEMPTS) : attempts)) {
      void this.#giveUp(task, unfinished(record, task.attempts))
      return
    }
    task.attempts++
    this.#attempts.begins(prefix, record.offset, task.attempts)
    const attempt = new RunningAttempt(task.attempts)
    task.attempt = attempt
    attempt.limit(this.#context.environment.timers, attemptTimeoutMs, () => {
      const error = tooLate(record, attempt.number, attemptTimeoutMs)
      attempt.abort(error)
      this.#hasFailed(task, error)
    })
    this.#call(task, attempt)
  }

  #call(task: HandlerTask, attempt: RunningAttempt): void {
    const settled = (then: () => void) => {
      if (task.isLost && task.attempt === attempt) this.#end(task)
      else if (!attempt.isOver) {
        attempt.end()
        then()
      }
    }
    try {
      const result = this.#handler(task.record as R, attempt)
      if (isPromise(result)) {
        result.then(
          () => settled(() => this.#processed(task)),
          (error: unknown) => settled(() => this.#hasFailed(task, error)),
        )
      } else settled(() => this.#processed(task))
    } catch (error) {
      settled(() => this.#hasFailed(task, error))
    }
  }

  #processed(task: HandlerTask): void {
    this.#attempts.forget(task.prefix, task.record.offset)
    task.record.done()
    this.#end(task)
  }

  #hasFailed(task: HandlerTask, error: unknown): void {
    this.#attempts.ended(task.prefix, task.record.offset)
    try {
      if (!task.counts) this.#end(task)
      else if (!this.#isWorthARetry(task, error)) void this.#giveUp(task, error)
      else this.#retry(task, error, checkedDelayMs(this.#options.delayMs(task.attempts)))
    } catch (failure) {
      this.#stop(failure)
      this.#end(task)
    }
  }

  #isWorthARetry({ attempts, record }: HandlerTask, error: unknown): boolean {
    if (attempts >= this.#options.attempts) return false
    const isUndecodable = error instanceof TidemarkError && error.code === 'DECODE_FAILED' && isOf(error, record)
    return !isUndecodable && this.#options.when(error)
  }

  #retry(task: HandlerTask, error: unknown, delayMs: number): void {
    const { record, prefix, attempts } = task
    task.attempt = undefined
    this.#attempts.remember(prefix, record.offset, attempts)
    this.#failed.publishRetry(record, attempts, error, delayMs)
    if (this.#leaving.has(prefix)) {
      this.#end(task)
      return
    }
    this.#hasRun(task)
    task.state = 'waiting'
    task.timer = this.#context.environment.timers.after(delayMs, () => this.#readyNow(task), { keepAlive: true })
    this.#beginReady()
  }

  async #giveUp(task: HandlerTask, error: unknown): Promise<void> {
    task.attempt = undefined
    try {
      const action = await this.#failed.decide(task.record, error)
      if (!this.#isClosing) {
        const carried = this.#carryOut(task, error, action)
        this.#carrying.add(carried)
        await carried.finally(() => this.#carrying.delete(carried))
      }
    } catch (failure) {
      // What cannot be written since everything is being closed is there again for whoever goes on.
      if (this.#consumption.mayBegin) this.#stop(failure)
    }
    this.#end(task)
  }

  async #carryOut({ record, prefix, attempts }: HandlerTask, error: unknown, action: FailureAction): Promise<void> {
    await this.#failed.carryOut(record, attempts, error, action)
    this.#attempts.forget(prefix, record.offset)
    if (action === 'stop') this.#stop(error)
    else record.done()
  }

  /** It is processed, or is not to be any more; its lane is the next one's. */
  #end(task: HandlerTask): void {
    if (task.state === 'running') this.#hasRun(task)
    task.state = 'over'
    this.#tasks.delete(task)
    const next = this.#lanes.leave(task)
    if (next !== undefined) {
      next.state = 'ready'
      this.#ready.push(next)
    }
    if (this.#leaving.has(task.prefix)) this.#cutWhenThrough(task.prefix)
    this.#beginReady()
  }

  #hasRun(task: HandlerTask): void {
    this.#running--
    if (!task.isSuspect) return
    task.isSuspect = false
    this.#runsAlone = false
  }

  #stop(error: unknown): void {
    this.#failure ??= { error }
    this.#consumption.stop()
  }

  /** Nothing more of these is begun. What runs goes on, unless it counts no more; then nobody waits for it. */
  #leave(prefixes: readonly ProcessedPrefix[]): void {
    if (prefixes.length === 0) return
    for (const prefix of prefixes) this.#leaving.add(prefix)
    for (const task of [...this.#tasks]) {
      if (!prefixes.includes(task.prefix)) continue
      if (task.state !== 'running') this.#drop(task)
      else if (!task.prefix.isOpen) {
        task.lose()
        this.#tasks.delete(task)
      }
    }
    for (const prefix of prefixes) this.#cutWhenThrough(prefix)
    this.#beginReady()
  }

  #drop(task: HandlerTask): void {
    task.timer?.cancel()
    if (task.state === 'queued') {
      task.state = 'over'
      this.#tasks.delete(task)
    } else this.#end(task)
  }

  /** Whoever waits for what is in hand of a partition waits for what runs, not for what was never begun. */
  #cutWhenThrough(prefix: ProcessedPrefix): void {
    for (const task of this.#tasks) if (task.prefix === prefix && task.state === 'running') return
    if (prefix.isOpen) prefix.cut()
  }
}

/** The consumption, whose end is not the last record that it hands out but the last that is through. */
function withoutEnd(consumption: Consumption): LoopSource {
  return {
    start: () => consumption.start(),
    take: () => consumption.take(),
    get isOver() {
      return consumption.isOver
    },
    wait: () => consumption.wait(),
    breathe: () => consumption.breathe(),
    finish: async () => {},
  }
}

/** Who stops at a failure wants another try when he starts anew; who wants one attempt is to have that one, unless it kills. */
function isBelieved<R>({ count, hasFailed }: NotedAttempts, { attempts, onFailure }: CheckedRunOptions<R>): boolean {
  if (onFailure === 'stop') return count < attempts
  return attempts > 1 || !hasFailed
}

function isPromise(result: unknown): result is PromiseLike<unknown> {
  return typeof (result as { readonly then?: unknown } | null | undefined)?.then === 'function'
}

function isOf({ topic, partition, offset }: TidemarkError, record: FetchedRecord): boolean {
  return topic === record.topic && partition === record.partition && offset === record.offset
}
