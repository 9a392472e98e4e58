/**
 * Everything that can go wrong outside Tidemark's own code: one class, one table.
 *
 * `kafkaCode` is the number Kafka's protocol uses for the same condition (clients/…/protocol/Errors.java), where there is one.
 */
export const ERRORS = {
  // Opening and owning a directory
  DIRECTORY_IN_USE: { retriable: true, kafkaCode: null, description: 'Another process owns the directory.' },
  NOT_A_DATA_DIRECTORY: { retriable: false, kafkaCode: null, description: 'The path is not a Kafka data directory.' },
  OWNERSHIP_LOST: { retriable: false, kafkaCode: null, description: 'This process no longer owns the directory.' },
  READ_ONLY: { retriable: false, kafkaCode: null, description: 'The directory was opened for reading only.' },
  UNSUPPORTED: { retriable: false, kafkaCode: 35, description: 'This is not supported here.' },
  STORAGE_ERROR: { retriable: false, kafkaCode: 56, description: 'The disk failed while reading or writing.' },
  TOO_MANY_OPEN_FILES: { retriable: true, kafkaCode: 56, description: 'No file descriptor is left.' },
  CLOSED: { retriable: false, kafkaCode: null, description: 'It has been closed.' },
  ABORTED: { retriable: false, kafkaCode: null, description: 'The signal aborted it.' },
  INVALID_ARGUMENT: { retriable: false, kafkaCode: 42, description: 'An argument is not valid.' },
  // Records and logs
  CORRUPT_BATCH: { retriable: false, kafkaCode: 2, description: 'A record batch is damaged.' },
  OFFSET_OUT_OF_RANGE: { retriable: false, kafkaCode: 1, description: 'The offset is outside the log.' },
  LOG_TRUNCATED: { retriable: false, kafkaCode: null, description: 'The log was cut below the committed position.' },
  MESSAGE_TOO_LARGE: { retriable: false, kafkaCode: 10, description: 'The batch exceeds max.message.bytes.' },
  RECORD_LIST_TOO_LARGE: { retriable: false, kafkaCode: 18, description: 'The batch exceeds segment.bytes.' },
  INVALID_RECORD: { retriable: false, kafkaCode: 87, description: 'The broker refused the record.' },
  INVALID_TIMESTAMP: { retriable: false, kafkaCode: 32, description: 'The record timestamp is out of range.' },
  UNSUPPORTED_COMPRESSION: { retriable: false, kafkaCode: 76, description: 'The codec is not supported.' },
  OUT_OF_ORDER_SEQUENCE: {
    retriable: false,
    kafkaCode: 45,
    description: 'Earlier batches of the producer are missing.',
  },
  INVALID_PRODUCER_EPOCH: { retriable: false, kafkaCode: 47, description: 'The producer went on with a newer epoch.' },
  // Transactions
  PRODUCER_FENCED: { retriable: false, kafkaCode: 90, description: 'The transaction was aborted by somebody else.' },
  INVALID_TXN_STATE: { retriable: false, kafkaCode: 48, description: 'The transaction is not in the state for that.' },
  CONCURRENT_TRANSACTIONS: { retriable: true, kafkaCode: 51, description: 'The transaction before is still ending.' },
  FENCED_LEADER_EPOCH: { retriable: true, kafkaCode: 74, description: 'The leader epoch is older than the broker’s.' },
  UNKNOWN_LEADER_EPOCH: { retriable: true, kafkaCode: 75, description: 'The leader epoch is newer than the broker’s.' },
  DECODE_FAILED: { retriable: false, kafkaCode: null, description: 'The value cannot be decoded.' },
  ENCODE_FAILED: { retriable: false, kafkaCode: null, description: 'The value cannot be encoded.' },
  SEND_QUEUE_FULL: { retriable: true, kafkaCode: null, description: 'Too many sends are waiting; await them.' },
  ATTEMPT_TIMED_OUT: { retriable: true, kafkaCode: null, description: 'The handler took too long.' },
  ATTEMPT_UNFINISHED: {
    retriable: false,
    kafkaCode: null,
    description: 'The process ended during the last attempt.',
  },
  // Topics
  UNKNOWN_TOPIC: { retriable: true, kafkaCode: 3, description: 'There is no such topic or partition.' },
  TOPIC_EXISTS: { retriable: false, kafkaCode: 36, description: 'The topic already exists.' },
  TOPIC_DIFFERS: {
    retriable: false,
    kafkaCode: null,
    description: 'The topic exists with another shape than declared.',
  },
  INVALID_TOPIC: { retriable: false, kafkaCode: 17, description: 'The topic name is not valid.' },
  INVALID_PARTITIONS: { retriable: false, kafkaCode: 37, description: 'The number of partitions is not valid.' },
  INVALID_CONFIG: { retriable: false, kafkaCode: 40, description: 'A topic config is not valid.' },
  POLICY_VIOLATION: { retriable: false, kafkaCode: 44, description: 'The topic’s policy forbids it.' },
  // Groups
  INVALID_GROUP_ID: { retriable: false, kafkaCode: 24, description: 'The group id is not valid.' },
  GROUP_NOT_FOUND: { retriable: false, kafkaCode: 69, description: 'There is no such group.' },
  NON_EMPTY_GROUP: { retriable: false, kafkaCode: 68, description: 'The group has active members.' },
  GROUP_MOVED: { retriable: false, kafkaCode: null, description: 'The group has committed since.' },
  GROUP_SUBSCRIBED_TO_TOPIC: {
    retriable: false,
    kafkaCode: 86,
    description: 'A member of the group subscribes to the topic.',
  },
  UNKNOWN_MEMBER_ID: { retriable: true, kafkaCode: 25, description: 'The group does not know this member.' },
  FENCED_MEMBER_EPOCH: { retriable: true, kafkaCode: 110, description: 'The member epoch is outdated: join again.' },
  STALE_MEMBER_EPOCH: { retriable: true, kafkaCode: 113, description: 'The member epoch does not allow the commit.' },
  FENCED_INSTANCE_ID: { retriable: false, kafkaCode: 82, description: 'Another member uses the instance id.' },
  UNRELEASED_INSTANCE_ID: { retriable: false, kafkaCode: 111, description: 'The instance id is still in use.' },
  UNSUPPORTED_ASSIGNOR: { retriable: false, kafkaCode: 112, description: 'The assignor is not known.' },
  GROUP_MAX_SIZE_REACHED: { retriable: false, kafkaCode: 81, description: 'The group is full.' },
  INVALID_REGULAR_EXPRESSION: { retriable: false, kafkaCode: 128, description: 'The regular expression is not valid.' },
  OFFSET_METADATA_TOO_LARGE: { retriable: false, kafkaCode: 12, description: 'The commit metadata is too long.' },
  UNSTABLE_OFFSET_COMMIT: {
    retriable: true,
    kafkaCode: 88,
    description: 'A transaction is about to change this commit.',
  },
  COORDINATOR_NOT_AVAILABLE: { retriable: true, kafkaCode: 15, description: 'The group coordinator is not available.' },
  NETWORK_EXCEPTION: {
    retriable: true,
    kafkaCode: 13,
    description: 'The other side went away before it answered.',
  },
  REQUEST_TIMED_OUT: { retriable: true, kafkaCode: 7, description: 'The request timed out.' },
} as const satisfies Record<string, { retriable: boolean; kafkaCode: number | null; description: string }>

/** The stable names of what can go wrong; `TidemarkError.code` is one of them. */
export type ErrorCode = keyof typeof ERRORS

/** Where an error happened, as far as it is known. */
export interface ErrorPlace {
  /** The topic that it happened in. */
  readonly topic?: string | undefined
  /** The partition of it. */
  readonly partition?: number | undefined
  /** The record. */
  readonly offset?: number | undefined
  /** What was thrown below. */
  readonly cause?: unknown
  /** Of `sendAll`: what it had sent. */
  readonly sent?: SentBefore | undefined
}

/** What `sendAll` had sent when it was interrupted: it stays sent. */
export interface SentBefore {
  /** How many records. */
  readonly count: number
  /** The last offset it wrote in each partition it wrote to. */
  readonly lastOffsets: readonly { readonly topic: string; readonly partition: number; readonly offset: number }[]
}

/** The only error Tidemark throws on purpose. `code` is stable; `message` is for people and says what to do. */
export class TidemarkError extends Error {
  /** 'TidemarkError', also where `instanceof` cannot be used. */
  override readonly name = 'TidemarkError'
  /** What happened; one of the rows of the table of codes. */
  readonly code: ErrorCode
  /** Whether the same call may succeed later without any change. */
  readonly retriable: boolean
  // Declared only: what is not known is not there, so that whoever prints the error sees none of it.
  /** The topic that it happened in. */
  declare readonly topic: string | undefined
  /** The partition of it. */
  declare readonly partition: number | undefined
  /** The record. */
  declare readonly offset: number | undefined
  /** Where `sendAll` was ABORTED or its topic CLOSED: what it had sent by then. */
  declare readonly sent: SentBefore | undefined

  constructor(code: ErrorCode, message?: string, place: ErrorPlace = {}) {
    super(message ?? ERRORS[code].description, place.cause === undefined ? undefined : { cause: place.cause })
    this.code = code
    this.retriable = ERRORS[code].retriable
    if (place.topic !== undefined) this.topic = place.topic
    if (place.partition !== undefined) this.partition = place.partition
    if (place.offset !== undefined) this.offset = place.offset
    if (place.sent !== undefined) this.sent = place.sent
  }

  /** Other errors lose their message in JSON. */
  toJSON(): object {
    const { name, code, message, retriable, topic, partition, offset, sent } = this
    return { name, code, message, retriable, topic, partition, offset, sent }
  }
}
