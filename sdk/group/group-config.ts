/** Kafka's `group.consumer.*`, with defaults for groups whose heartbeats are function calls. */
export interface GroupConfig {
  /** How long a member may be silent before it is taken for dead. */
  readonly sessionTimeoutMs: number
  /** How often members are asked to come while nothing moves. */
  readonly heartbeatIntervalMs: number
  /** … and while partitions change hands, as every step of that waits for a heartbeat. */
  readonly reconcilingHeartbeatIntervalMs: number
  /** The least time between two target assignments. Kafka's default is 1,000, to spare its coordinator. */
  readonly assignmentIntervalMs: number
  /** The most members a group may have. */
  readonly maxSize: number
}

export const DEFAULT_GROUP_CONFIG: GroupConfig = {
  sessionTimeoutMs: 45_000,
  heartbeatIntervalMs: 500,
  reconcilingHeartbeatIntervalMs: 25,
  assignmentIntervalMs: 0,
  maxSize: 2 ** 31 - 1,
}
