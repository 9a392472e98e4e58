import { TidemarkError } from '../errors.ts'
import type { Assignment } from './assignment.ts'
import type { CommittingMember } from './committer.ts'
import type { FetchedRecord } from './fetched-record.ts'
import type { ProcessedPrefix } from './processed.ts'
import type { InputOffsets } from './transactional-producer.ts'
import type { TransactionFailure } from './transactions.ts'

interface Input {
  readonly prefix: ProcessedPrefix
  readonly restarts: number
  /** Behind the last record in hand. */
  readonly offset: number
  readonly leaderEpoch: number
}

/**
 * The records that a loop has in hand, as the input of a transaction: they count when it is committed, together with what it
 * sent, and come again when it is not.
 */
export class InputTransaction {
  readonly #group: string
  readonly #member: CommittingMember
  readonly #assignment: Assignment
  readonly #inputs: readonly Input[]

  /** @throws {TidemarkError} INVALID_ARGUMENT where nothing is in hand */
  constructor(group: string, member: CommittingMember, assignment: Assignment, records: readonly FetchedRecord[]) {
    this.#group = group
    this.#member = member
    this.#assignment = assignment
    const last = new Map(records.map((record) => [record.prefix, record]))
    if (last.size === 0) {
      const message = `transaction: the consumer of group "${group}" has no record in hand. Call it in the body of its loop, or use tide.transaction.`
      throw new TidemarkError('INVALID_ARGUMENT', message)
    }
    this.#inputs = Array.from(last, ([prefix, { offset, leaderEpoch }]) => {
      const { restarts, isOpen, nextOffset } = prefix
      return { prefix, restarts, offset: isOpen ? Math.max(offset + 1, nextOffset) : -1, leaderEpoch }
    })
    // A commit beside it could come to stand behind its own.
    for (const { prefix } of this.#inputs) prefix.isHeld = true
  }

  /** @throws {TidemarkError} STALE_MEMBER_EPOCH where a partition is no longer this consumer's */
  readonly offsets = (): InputOffsets => {
    const lost = this.#inputs.find(({ prefix, restarts }) => !prefix.isOpen || prefix.restarts !== restarts)
    if (lost !== undefined) {
      const { topic, partition } = lost.prefix
      const message = `The consumer of group "${this.#group}" lost ${topic}-${partition} while a transaction was open: it is aborted, and whoever has the partition now does it again.`
      throw new TidemarkError('STALE_MEMBER_EPOCH', message, { topic, partition })
    }
    const { memberId, memberEpoch } = this.#member
    const offsets = this.#inputs.map(({ prefix: { topic, partition }, offset, leaderEpoch }) => {
      return { topic, partition, offset, leaderEpoch, metadata: '' }
    })
    return { group: this.#group, memberId, memberEpoch, offsets }
  }

  committed(): void {
    for (const { prefix, offset, leaderEpoch } of this.#inputs) {
      prefix.isHeld = false
      prefix.committedElsewhere(offset, leaderEpoch)
    }
  }

  /** Where nobody knows whether it counts, nothing more of these partitions may be committed: that could take it back. */
  failed({ isUndecided }: TransactionFailure): void {
    const { memberEpoch } = this.#member
    if (memberEpoch > 0) this.#member.beatNow()
    for (const { prefix } of this.#inputs) prefix.isHeld = isUndecided
    this.#assignment.rewind(this.#inputs.map(({ prefix }) => prefix))
  }
}
