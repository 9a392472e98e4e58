import { DataDirectory } from '../../../../sdk/directory/data-directory.ts'
import { CLUSTER_METADATA_TOPIC, METADATA_TOPIC_ID } from '../../../../sdk/directory/partition-directory.ts'
import type { Environment } from '../../../../sdk/environment/environment.ts'
import { DEFAULT_LOG_CONFIG } from '../../../../sdk/log/log-config.ts'
import type { PartitionLog } from '../../../../sdk/log/partition-log.ts'
import { encodeBatch } from '../../../../sdk/record/batch-builder.ts'

export const PATH = '/data'
export const TOPIC_ID = 'y_oDLzgGSICjavLUCNOL_g'
const BOOTSTRAP = ['one', 'two', 'three']

/** Opens a directory as an owner does: a fresh one gets its first metadata records. */
export async function openDirectory(environment: Environment, path = PATH): Promise<DataDirectory> {
  const directory = await DataDirectory.open(environment, path, { waitMs: 0 })
  try {
    if (directory.isFresh) {
      const log = metadataLog(directory)
      for (const text of BOOTSTRAP) append(log, text)
      await directory.finishCreation()
    }
    return directory
  } catch (error) {
    await directory.close().catch(() => {})
    throw error
  }
}

export function metadataLog(directory: DataDirectory): PartitionLog {
  return directory.log(CLUSTER_METADATA_TOPIC, 0, { topicId: METADATA_TOPIC_ID, config: DEFAULT_LOG_CONFIG })
}

export function partitionLog(directory: DataDirectory, topic = 'payments', partition = 0): PartitionLog {
  return directory.log(topic, partition, { topicId: TOPIC_ID, config: DEFAULT_LOG_CONFIG })
}

export function append(log: PartitionLog, text: string): void {
  log.append(encodeBatch([{ key: null, value: Buffer.from(text), timestampMs: 1_700_000_000_000 }]), { leaderEpoch: 0 })
}

export function readText(environment: Environment, path: string): string | undefined {
  const size = environment.files.stat(path)?.sizeBytes
  if (size === undefined) return undefined
  const bytes = Buffer.alloc(size)
  const file = environment.files.open(path, { write: false })
  file.read(bytes, 0)
  file.close()
  return bytes.toString('utf8')
}
