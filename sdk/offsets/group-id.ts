import { TidemarkError } from '../errors.ts'

const GROUP_ID_MAX_BYTES = 32_767

/** Kafka's `offset.metadata.max.bytes`, which counts UTF-16 units. */
export const COMMIT_METADATA_MAX_LENGTH = 4096

/**
 * Any text names a group, as long as it is not empty, fits Kafka's string fields and reads back as the same text (lone
 * surrogates do not). Throws INVALID_GROUP_ID.
 */
export function checkGroupId(group: string): void {
  if (typeof group !== 'string') {
    const given = Array.isArray(group) ? 'a list' : group === null ? 'null' : typeof group
    throw new TidemarkError('INVALID_GROUP_ID', `The id of a group is text, such as "fraud", not ${given}.`)
  }
  if (group === '') throw new TidemarkError('INVALID_GROUP_ID', 'A group id cannot be empty.')
  if (!group.isWellFormed()) {
    throw new TidemarkError('INVALID_GROUP_ID', 'The group id has half a surrogate pair: it is not valid Unicode.')
  }
  const bytes = Buffer.byteLength(group)
  if (bytes > GROUP_ID_MAX_BYTES) {
    throw new TidemarkError('INVALID_GROUP_ID', `The group id has ${bytes} bytes: at most ${GROUP_ID_MAX_BYTES} fit.`)
  }
}

/** Throws OFFSET_METADATA_TOO_LARGE for more text than Kafka accepts beside a committed offset. */
export function checkCommitMetadata(metadata: string, topic: string, partition: number): void {
  if (metadata.length <= COMMIT_METADATA_MAX_LENGTH) return
  const message = `The metadata of the commit to ${topic}-${partition} has ${metadata.length} characters: at most ${COMMIT_METADATA_MAX_LENGTH} are allowed.`
  throw new TidemarkError('OFFSET_METADATA_TOO_LARGE', message, { topic, partition })
}
