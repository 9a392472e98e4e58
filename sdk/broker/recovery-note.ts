import type { DataDirectory } from '../directory/data-directory.ts'
import type { LogRecovery } from '../log/recovery.ts'
import type { TopicPartition } from './broker.ts'
import type { FindLog } from './log-requests.ts'
import type { MetadataLog } from './metadata-log.ts'

/** What opening had to mend in one partition, or found damaged. */
export interface RecoveryNote extends TopicPartition, LogRecovery {}

/** After a crash, opens every log that nobody has looked at since; what they had to mend is the result. */
export function recoverLogs(directory: DataDirectory, metadata: MetadataLog, find: FindLog): RecoveryNote[] {
  for (const { topic, partition } of directory.unrecovered()) {
    if (metadata.partition(topic, partition) !== undefined) find(topic, partition)
  }
  return directory.openLogs().flatMap((log) => {
    const { topic, partition, recovery } = log
    return recovery.tornBytes > 0 || recovery.damaged.length > 0 ? [{ topic, partition, ...recovery }] : []
  })
}
