import type { FileSystem, Randomness } from '../environment/environment.ts'
import { TidemarkError } from '../errors.ts'
import { replaceWholeFileInBackground } from '../log/whole-file.ts'
import { readText, writeText } from './small-file.ts'

/** Kafka's log of what topics there are; a partition like any other. */
export const CLUSTER_METADATA_TOPIC = '__cluster_metadata'
export const METADATA_DIRECTORY = `${CLUSTER_METADATA_TOPIC}-0`
export const METADATA_TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAQ'
export const PARTITION_METADATA = 'partition.metadata'

/** The longest name of a file on common disks, in bytes. */
const MAX_NAME_BYTES = 255
const SET_ASIDE = /^(.*)-(\d+)\.[0-9a-f]{32}-(delete|stray|future)$/
const LIVE = /^(.+)-(\d+)$/

export interface PartitionDirectory {
  readonly topic: string
  readonly partition: number
  /** `delete`: being deleted; `stray`: a broker did not know it; `future`: being moved between disks. */
  readonly kind: 'live' | 'delete' | 'stray' | 'future'
}

/** What a directory's name says; undefined if it is not a partition's. Topic and partition part at the last "-". */
export function parsePartitionDirectory(name: string): PartitionDirectory | undefined {
  const aside = SET_ASIDE.exec(name)
  const parts = aside ?? LIVE.exec(name)
  if (parts === null) return undefined
  const partition = Number(parts[2])
  // "t-007" is nothing Kafka writes, and would be read back as "t-7".
  if (partition > 0x7fffffff || String(partition) !== parts[2]) return undefined
  return { topic: parts[1]!, partition, kind: (aside?.[3] ?? 'live') as PartitionDirectory['kind'] }
}

export function partitionDirectoryName(topic: string, partition: number): string {
  return `${topic}-${partition}`
}

/** For one that is being deleted: a name that no topic can have, with the topic cut where it would get too long. */
export function deletedName(topic: string, partition: number, random: Pick<Randomness, 'bytes'>): string {
  const ending = `-${partition}.${Buffer.from(random.bytes(16)).toString('hex')}-delete`
  return topic.slice(0, MAX_NAME_BYTES - ending.length) + ending
}

/** The topic id a partition's directory belongs to; undefined where it has none (yet). Throws STORAGE_ERROR if damaged. */
export function readPartitionMetadata(files: FileSystem, directory: string): string | undefined {
  const path = files.join(directory, PARTITION_METADATA)
  const text = readText(files, path)
  if (text === undefined) return undefined
  const topicId = /^version: 0\r?\ntopic_id: ([A-Za-z0-9_-]{22})\s*$/.exec(text)?.[1]
  if (topicId !== undefined) return topicId
  throw new TidemarkError(
    'STORAGE_ERROR',
    `${path} is damaged. It must say "version: 0" and "topic_id: …" with the id of the topic; restore it from a copy.`,
  )
}

/**
 * Must be durable before the first append: a broker sets a directory without it aside. Its content is on return, its name
 * when the directory is flushed next.
 */
export function writePartitionMetadata(files: FileSystem, directory: string, topicId: string): void {
  const path = files.join(directory, PARTITION_METADATA)
  writeText(files, `${path}.tmp`, partitionMetadata(topicId))
  files.rename(`${path}.tmp`, path)
}

/** The same, without holding up the event loop. */
export async function writePartitionMetadataInBackground(
  files: FileSystem,
  directory: string,
  topicId: string,
): Promise<void> {
  const bytes = Buffer.from(partitionMetadata(topicId))
  await replaceWholeFileInBackground(files, directory, { name: PARTITION_METADATA, bytes, isCurrent: () => true })
}

function partitionMetadata(topicId: string): string {
  return `version: 0\ntopic_id: ${topicId}`
}
