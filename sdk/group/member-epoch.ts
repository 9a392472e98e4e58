/** What a heartbeat says in place of an epoch, as in Kafka's ConsumerGroupHeartbeat (68). */
export const JOIN_EPOCH = 0
export const LEAVE_EPOCH = -1
/** Of a static member that goes and means to come back; also its epoch while it is away. */
export const STATIC_LEAVE_EPOCH = -2
