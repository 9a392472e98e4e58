import { TidemarkError } from '../errors.ts'
import { checkTopicName } from '../topic/topic-name.ts'
import type { ClientContext } from './client-context.ts'
import type { Consumption } from './consumption.ts'
import { DeadLetterWriter } from './dead-letter-writer.ts'
import { type AttemptFailedEvent, publishAttemptFailed } from './diagnostics.ts'
import type { FetchedRecord } from './fetched-record.ts'
import { type CheckedRunOptions, checkedAction, type FailureAction } from './run-options.ts'
import { reason } from './serde.ts'

/** What becomes of the records of a run whose last attempt has failed. */
export class FailedRecords<R> {
  readonly #context: ClientContext
  readonly #consumption: Consumption
  readonly #onFailure: CheckedRunOptions<R>['onFailure']
  readonly #writers = new Map<string, DeadLetterWriter>()

  /** @throws {TidemarkError} INVALID_ARGUMENT, INVALID_TOPIC */
  constructor(context: ClientContext, consumption: Consumption, onFailure: CheckedRunOptions<R>['onFailure']) {
    this.#context = context
    this.#consumption = consumption
    this.#onFailure = onFailure
    if (typeof onFailure === 'object') this.#writerTo(onFailure.deadLetter)
  }

  /** What is to become of a record. @throws whatever `onFailure` throws, INVALID_ARGUMENT */
  async decide(record: FetchedRecord, error: unknown): Promise<FailureAction> {
    const onFailure = this.#onFailure
    return checkedAction(typeof onFailure === 'function' ? await onFailure(record as R, error) : onFailure)
  }

  /** Does it. A dead letter survives what its topic promises when this resolves. */
  async carryOut(record: FetchedRecord, attempt: number, error: unknown, action: FailureAction): Promise<void> {
    if (action === 'skip') this.#warn(record, attempt, error)
    const deadLetter = typeof action === 'object' ? action.deadLetter : null
    if (deadLetter !== null) await this.#bury(record, attempt, error, deadLetter)
    const outcome = typeof action === 'object' ? 'dead-letter' : action
    this.#publish(record, { attempt, error, outcome, delayMs: null, deadLetter })
  }

  publishRetry(record: FetchedRecord, attempt: number, error: unknown, delayMs: number): void {
    this.#publish(record, { attempt, error, outcome: 'retry', delayMs, deadLetter: null })
  }

  async #bury(record: FetchedRecord, attempts: number, error: unknown, topic: string): Promise<void> {
    await this.#writerTo(topic).write(record, attempts, error)
    const { group } = this.#consumption
    this.#context.logger?.info(
      `Group "${group}" gave up on ${record.id} after ${counted(attempts)}; it is in topic "${topic}" now: ${reason(error)}`,
    )
  }

  /** @throws {TidemarkError} INVALID_ARGUMENT, INVALID_TOPIC */
  #writerTo(topic: string): DeadLetterWriter {
    const known = this.#writers.get(topic)
    if (known !== undefined) return known
    checkTopicName(topic)
    if (this.#consumption.subscription.wants(topic)) {
      const message = `run: dead letters cannot go to topic "${topic}", which is consumed here: what fails would come back for ever.`
      throw new TidemarkError('INVALID_ARGUMENT', message, { topic })
    }
    const writer = new DeadLetterWriter(this.#context, topic, this.#consumption)
    this.#writers.set(topic, writer)
    return writer
  }

  #warn({ id }: FetchedRecord, attempts: number, error: unknown): void {
    const message = `Group "${this.#consumption.group}" skipped ${id} after ${counted(attempts)}: ${reason(error)}`
    this.#context.environment.process.emitWarning(message, 'TIDEMARK_RECORD_SKIPPED')
  }

  #publish(
    { topic, partition, offset }: FetchedRecord,
    what: Omit<AttemptFailedEvent, 'group' | 'topic' | 'partition' | 'offset'>,
  ): void {
    publishAttemptFailed(() => ({ group: this.#consumption.group, topic, partition, offset, ...what }))
  }
}

function counted(attempts: number): string {
  return attempts === 1 ? '1 attempt' : `${attempts} attempts`
}
