import type { LogRecovery } from '../log/recovery.ts'
import type { TopicPartition } from './broker.ts'

/** What opening had to mend in one partition, found damaged, or misses. */
export interface RecoveryNote extends TopicPartition, LogRecovery {
  /** For people: what happened, in one sentence. */
  readonly message: string
}
