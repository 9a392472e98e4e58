/** The files of a data directory, by their paths. */
import { readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

/** Every one of them. */
export function filesBelow(directory: string): string[] {
  const names = readdirSync(directory, { recursive: true, withFileTypes: true })
  return names.filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name))
}

/** Those with one of some endings in the partitions of some topics, or of all: by partition, segments in their order. */
export function partitionFiles(directory: string, topics: readonly string[] | 'all', ...endings: string[]): string[] {
  const files = filesBelow(directory).filter((file) => {
    const topic = /^(.+)-\d+$/.exec(basename(dirname(file)))?.[1]
    return (
      topic !== undefined &&
      (topics === 'all' || topics.includes(topic)) &&
      endings.some((ending) => file.endsWith(ending))
    )
  })
  return files.sort()
}
