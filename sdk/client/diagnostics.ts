import { channel } from 'node:diagnostics_channel'
import type { Survives, TopicPartition } from '../broker/broker.ts'
import type { Clock } from '../environment/environment.ts'
import type { PartitionOffset } from './position.ts'

/** What is published on `tidemark:partitions.assigned`, `.revoked` (given up in order) and `.lost` (taken away). */
export interface PartitionsEvent {
  /** The member's group. */
  readonly group: string
  /** What the group calls the member. */
  readonly memberId: string
  /** Those that came or went. */
  readonly partitions: readonly TopicPartition[]
}

/** What is published on `tidemark:partitions.moved`, when somebody has moved a running group and a consumer goes on there. */
export interface MovedEvent {
  /** The member's group. */
  readonly group: string
  /** What the group calls the member. */
  readonly memberId: string
  /** Where it goes on in each partition. */
  readonly offsets: readonly PartitionOffset[]
}

/** What is published on `tidemark:commit`, when a commit of a consumer is answered. */
export interface CommitEvent {
  /** The consumer's group. */
  readonly group: string
  /** What the group calls the consumer. */
  readonly memberId: string
  /** The next offset to read in each partition. */
  readonly offsets: readonly PartitionOffset[]
  /** What was asked for. */
  readonly survives: Survives
  /** Milliseconds until it was answered. */
  readonly durationMs: number
  /** null where all of it was committed. */
  readonly error: unknown
}

/** What is published on `tidemark:send`, when a batch of records is answered. */
export interface SendEvent {
  /** Where the batch went. */
  readonly topic: string
  /** The partition of it. */
  readonly partition: number
  /** How many records were in the batch. */
  readonly records: number
  /** null where it was not sent. */
  readonly baseOffset: number | null
  /** Milliseconds until it was answered. */
  readonly durationMs: number
  /** Why it was not sent; null where it was. */
  readonly error: unknown
}

/** What is published on `tidemark:attempt.failed`, when an attempt of `run` has failed. */
export interface AttemptFailedEvent {
  /** The consumer's group. */
  readonly group: string
  /** Where the record is. */
  readonly topic: string
  /** The partition of it. */
  readonly partition: number
  /** Its number in the partition. */
  readonly offset: number
  /** Which attempt it was, from 1. */
  readonly attempt: number
  /** What the handler threw. */
  readonly error: unknown
  /** What becomes of the record. */
  readonly outcome: 'retry' | 'stop' | 'skip' | 'dead-letter'
  /** With 'retry': milliseconds until the next attempt; otherwise null. */
  readonly delayMs: number | null
  /** With 'dead-letter': the topic it was sent to; otherwise null. */
  readonly deadLetter: string | null
}

/** What is published on `tidemark:role`, when this process comes to own a directory or to work through its owner. */
export interface RoleEvent {
  /** Its path. */
  readonly directory: string
  /** What this process is to it now. */
  readonly kind: 'owner' | 'neighbour'
  /** The process that owns it now. */
  readonly ownerPid: number | undefined
}

const channels = {
  role: channel('tidemark:role'),
  assigned: channel('tidemark:partitions.assigned'),
  revoked: channel('tidemark:partitions.revoked'),
  lost: channel('tidemark:partitions.lost'),
  moved: channel('tidemark:partitions.moved'),
  commit: channel('tidemark:commit'),
  send: channel('tidemark:send'),
  attemptFailed: channel('tidemark:attempt.failed'),
}

/** Tells whoever subscribed to the diagnostics channel what happened to a member's partitions. */
export function publishPartitions(what: 'assigned' | 'revoked' | 'lost', event: PartitionsEvent): void {
  if (channels[what].hasSubscribers) channels[what].publish(event)
}

/** The same where somebody moved the group. */
export function publishMoved(event: MovedEvent): void {
  if (channels.moved.hasSubscribers) channels.moved.publish(event)
}

/** Where nobody listens, nothing is put together. */
export function publishAttemptFailed(event: () => AttemptFailedEvent): void {
  if (channels.attemptFailed.hasSubscribers) channels.attemptFailed.publish(event())
}

/** Tells whoever subscribed which part this process plays now. */
export function publishRole(event: RoleEvent): void {
  if (channels.role.hasSubscribers) channels.role.publish(event)
}

/** Publishes how a commit went, when it has: where nobody listens, nothing is measured. */
export function watchCommit(
  answered: Promise<void>,
  clock: Clock,
  event: () => Omit<CommitEvent, 'durationMs' | 'error'>,
): void {
  if (channels.commit.hasSubscribers) publishOutcome(channels.commit, answered, clock, event)
}

/** The same for a batch; `sent` says how it went. */
export function watchSend(
  answered: Promise<{ readonly baseOffset: number }>,
  clock: Clock,
  event: Omit<SendEvent, 'durationMs' | 'error' | 'baseOffset'>,
): void {
  if (!channels.send.hasSubscribers) return
  publishOutcome(channels.send, answered, clock, (receipt) => ({ ...event, baseOffset: receipt?.baseOffset ?? null }))
}

function publishOutcome<T>(
  to: ReturnType<typeof channel>,
  answered: Promise<T>,
  clock: Clock,
  eventOf: (answer: T | undefined) => object,
): void {
  const begunAtMs = clock.monotonicMs()
  const publish = (answer: T | undefined, error: unknown) => {
    to.publish({ ...eventOf(answer), durationMs: clock.monotonicMs() - begunAtMs, error })
  }
  answered.then(
    (answer) => publish(answer, null),
    (error: unknown) => publish(undefined, error),
  )
}
