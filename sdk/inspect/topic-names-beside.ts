import { parsePartitionDirectory, readPartitionMetadata } from '../directory/partition-directory.ts'
import type { FileSystem } from '../environment/environment.ts'
import { TidemarkError } from '../errors.ts'
import { errnoOf } from '../log/storage-error.ts'

/** Names of topics by their ids, as the partitions beside `folder` tell them: enough to call things by their names. */
export function topicNamesBeside(files: FileSystem, folder: string): ReadonlyMap<string, string> {
  const names = new Map<string, string>()
  const directory = files.join(folder, '..')
  for (const name of tolerantly(() => files.list(directory)) ?? []) {
    const place = parsePartitionDirectory(name)
    if (place?.kind !== 'live') continue
    const topicId = tolerantly(() => readPartitionMetadata(files, files.join(directory, name)))
    if (topicId !== undefined) names.set(topicId, place.topic)
  }
  return names
}

function tolerantly<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof TidemarkError) && errnoOf(error) === undefined) throw error
    return undefined
  }
}
