import { CLEAN_SHUTDOWN } from '../directory/clean-shutdown.ts'
import { CLEANER_OFFSET, HIGH_WATERMARK, LOG_START, RECOVERY_POINT } from '../directory/directory-checkpoints.ts'
import { META_PROPERTIES } from '../directory/meta-properties.ts'
import { PARTITION_METADATA } from '../directory/partition-directory.ts'
import { LEADER_EPOCH_CHECKPOINT } from '../log/leader-epochs.ts'
import { BOOTSTRAP_CHECKPOINT, parseSnapshotName } from '../topic/metadata-snapshot.ts'

/** Kafka's kinds of files. */
export type FileKind =
  | 'log'
  | 'offset-index'
  | 'time-index'
  | 'transaction-index'
  | 'producer-snapshot'
  | 'metadata-snapshot'
  | 'leader-epochs'
  | 'partition-offsets'
  | 'meta-properties'
  | 'partition-metadata'
  | 'json'
  | 'lock'

export const QUORUM_STATE = 'quorum-state'

const BY_NAME: ReadonlyMap<string, FileKind> = new Map([
  [META_PROPERTIES, 'meta-properties'],
  [PARTITION_METADATA, 'partition-metadata'],
  [LEADER_EPOCH_CHECKPOINT, 'leader-epochs'],
  [RECOVERY_POINT, 'partition-offsets'],
  [LOG_START, 'partition-offsets'],
  [HIGH_WATERMARK, 'partition-offsets'],
  [CLEANER_OFFSET, 'partition-offsets'],
  [BOOTSTRAP_CHECKPOINT, 'metadata-snapshot'],
  [CLEAN_SHUTDOWN, 'json'],
  [QUORUM_STATE, 'json'],
  ['.lock', 'lock'],
])

const BY_ENDING: ReadonlyMap<string, FileKind> = new Map([
  ['log', 'log'],
  ['index', 'offset-index'],
  ['timeindex', 'time-index'],
  ['txnindex', 'transaction-index'],
  ['snapshot', 'producer-snapshot'],
])

/** What a file of a deletion, of a compaction or of a write that was cut short is called in the end. */
const UNFINISHED_ENDING = /\.(deleted|cleaned|swap|tmp)$/

/** What a file is by its name; undefined where it is none of Kafka's. */
export function fileKindOf(name: string): FileKind | undefined {
  const finished = name.replace(UNFINISHED_ENDING, '')
  if (parseSnapshotName(finished) !== undefined) return 'metadata-snapshot'
  return BY_NAME.get(finished) ?? BY_ENDING.get(/\.([a-z]+)$/.exec(finished)?.[1] ?? '')
}

/** The names that are known, for a message. */
export const KNOWN_FILES = `*.${[...BY_ENDING.keys()].join(', *.')}, *.checkpoint, ${[...BY_NAME.keys()].join(', ')}`
