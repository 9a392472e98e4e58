import { TidemarkError } from '../errors.ts'
import { checkGroupId } from '../offsets/group-id.ts'
import { ASSIGNORS } from './assignor.ts'
import { JOIN_EPOCH, STATIC_LEAVE_EPOCH } from './member-epoch.ts'

export interface NamedPartition {
  readonly topic: string
  readonly partition: number
}

/** Kafka's ConsumerGroupHeartbeat (68), with names for ids. */
export interface HeartbeatRequest {
  readonly group: string
  /** Made by the client, 22 characters, kept through every rejoin. */
  readonly memberId: string
  /** 0 joins, −1 leaves, −2 leaves for a while (static), otherwise the epoch of the last answer. */
  readonly memberEpoch: number
  readonly instanceId?: string | null
  readonly rackId?: string | null
  readonly clientId: string
  readonly clientHost: string
  /** −1: unchanged. */
  readonly rebalanceTimeoutMs: number
  /** null: unchanged. */
  readonly subscribedTopicNames: readonly string[] | null
  readonly serverAssignor?: string | null
  /** What the member owns now; null: not reported. */
  readonly owned: readonly NamedPartition[] | null
}

export interface HeartbeatResponse {
  readonly memberId: string
  readonly memberEpoch: number
  readonly heartbeatIntervalMs: number
  /** null: unchanged. A smaller list at the same epoch means: give the missing ones up, then report `owned`. */
  readonly assignment: readonly NamedPartition[] | null
  /**
   * Kafka has no such field: what the member has, and where the group was moved meanwhile. Whatever it was given of them
   * before no longer counts; it goes on at what is committed there.
   */
  readonly moved?: readonly NamedPartition[]
}

/** Kafka's clients send 22 characters; keys of records hold no more than an int16 length. */
const ID_MAX_BYTES = 255

/** Kafka's static checks, which need no group. Throws INVALID_ARGUMENT, INVALID_GROUP_ID or UNSUPPORTED_ASSIGNOR. */
export function checkHeartbeat(request: HeartbeatRequest): void {
  const { memberEpoch, instanceId, rebalanceTimeoutMs } = request
  if (request.group.trim() === '') invalid('The group id must not be empty.')
  checkGroupId(request.group)
  if (request.memberId.trim() === '') invalid('The member id must not be empty.')
  if (Buffer.byteLength(request.memberId) > ID_MAX_BYTES) invalid(`The member id is longer than ${ID_MAX_BYTES} bytes.`)
  if (instanceId?.trim() === '') invalid('The instance id must not be empty.')
  if (request.rackId?.trim() === '') invalid('The rack id must not be empty.')
  if (!Number.isInteger(memberEpoch) || memberEpoch < STATIC_LEAVE_EPOCH) {
    invalid(`${memberEpoch} is not a member epoch.`)
  }
  if (!Number.isInteger(rebalanceTimeoutMs) || rebalanceTimeoutMs < -1 || rebalanceTimeoutMs >= 2 ** 31) {
    invalid(`${rebalanceTimeoutMs} is not a rebalance timeout: whole milliseconds below 2^31 are.`)
  }
  if (memberEpoch === STATIC_LEAVE_EPOCH && instanceId == null) {
    invalid('Only a member with an instance id can leave for a while.')
  }
  if (memberEpoch === JOIN_EPOCH) checkJoin(request)
  if (request.serverAssignor != null && !ASSIGNORS.has(request.serverAssignor)) {
    const known = [...ASSIGNORS.keys()].join(', ')
    throw new TidemarkError(
      'UNSUPPORTED_ASSIGNOR',
      `There is no assignor ${request.serverAssignor}: choose of ${known}.`,
    )
  }
}

function checkJoin(request: HeartbeatRequest): void {
  if (request.rebalanceTimeoutMs === -1) invalid('A member that joins must tell its rebalance timeout.')
  if (request.subscribedTopicNames === null) invalid('A member that joins must name its topics.')
  if (request.owned === null || request.owned.length > 0) invalid('A member that joins must own no partition.')
}

function invalid(message: string): never {
  throw new TidemarkError('INVALID_ARGUMENT', message)
}
