import { CLUSTER_METADATA_TOPIC } from '../directory/partition-directory.ts'
import { TidemarkError } from '../errors.ts'

/** The longest name whose partition directories (`<name>-<partition>`) stay within 255 bytes. */
export const TOPIC_NAME_MAX_LENGTH = 249

export const CONSUMER_OFFSETS_TOPIC = '__consumer_offsets'
export const TRANSACTION_STATE_TOPIC = '__transaction_state'

/** Topics that Kafka keeps for itself. `__cluster_metadata` is no topic to Kafka, only a log. */
export const internalTopics: ReadonlySet<string> = new Set([
  CONSUMER_OFFSETS_TOPIC,
  TRANSACTION_STATE_TOPIC,
  '__share_group_state',
])

export function isInternalTopic(name: string): boolean {
  return internalTopics.has(name)
}

/**
 * Kafka's rule: 1 to 249 of `a–z A–Z 0–9 . _ -`, and neither `.` nor `..`. So no name can leave the data directory.
 * Throws INVALID_TOPIC, which says what is wrong.
 */
export function checkTopicName(name: string): void {
  if (typeof name !== 'string') {
    const given = Array.isArray(name) ? 'a list' : name === null ? 'null' : typeof name
    throw new TidemarkError('INVALID_TOPIC', `The name of a topic is text, such as "payments", not ${given}.`)
  }
  const problem = topicNameProblem(name)
  if (problem !== null) throw new TidemarkError('INVALID_TOPIC', problem, { topic: name })
}

/**
 * Whether a topic may be created beside `existing` ones: a good name that is not the metadata log's, does not collide
 * with another (Kafka's metrics turn `.` into `_`) and, where the disk folds case, does not share a directory with one.
 * A topic of the very same name is the caller's to judge. Throws INVALID_TOPIC.
 */
export function checkNewTopicName(
  name: string,
  existing: Iterable<string>,
  options: { foldsCase?: boolean } = {},
): void {
  checkTopicName(name)
  if (name === CLUSTER_METADATA_TOPIC) {
    throw new TidemarkError('INVALID_TOPIC', `The name ${name} is the metadata log's: choose another.`, { topic: name })
  }
  for (const other of existing) {
    const why = collision(name, other, options.foldsCase ?? false)
    if (why !== null) {
      const message = `The topic ${name} collides with the topic ${other}: ${why}. Choose another name.`
      throw new TidemarkError('INVALID_TOPIC', message, { topic: name })
    }
  }
}

/** The error for a topic that is not there. `advice`: what to do about it. */
export function noSuchTopic(name: string, advice?: string): TidemarkError {
  const message = `There is no topic ${JSON.stringify(shortened(name))}.${advice === undefined ? '' : ` ${advice}`}`
  return new TidemarkError('UNKNOWN_TOPIC', message, { topic: name })
}

/** What is wrong with the name, or null. */
export function topicNameProblem(name: string): string | null {
  if (name === '') return 'A topic name cannot be empty.'
  if (name === '.' || name === '..') return `A topic cannot be named ${JSON.stringify(name)}.`
  if (!/^[a-zA-Z0-9._-]+$/.test(name)) {
    return `The topic name ${JSON.stringify(shortened(name))} has other characters than ASCII letters, digits, ".", "_" and "-".`
  }
  if (name.length > TOPIC_NAME_MAX_LENGTH) {
    return `The topic name ${shortened(name)} has ${name.length} characters: at most ${TOPIC_NAME_MAX_LENGTH} are allowed.`
  }
  return null
}

function collision(name: string, other: string, foldsCase: boolean): string | null {
  if (name === other) return null
  if (name.replaceAll('.', '_') === other.replaceAll('.', '_')) return 'the names differ only in "." and "_"'
  if (foldsCase && name.toLowerCase() === other.toLowerCase()) {
    return 'on this disk names that differ only in case are the same'
  }
  return null
}

/** Names from files may be anything: keep messages readable. */
function shortened(name: string): string {
  return name.length <= 80 ? name : `${name.slice(0, 80)}…`
}
