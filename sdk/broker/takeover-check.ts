import { TidemarkError } from '../errors.ts'
import type { MetadataImage } from '../topic/metadata-image.ts'
import type { PartitionImage, TopicImage } from '../topic/topic-image.ts'
import type { PartitionHome } from '../topic/topic-records.ts'

/** The newest levels that were tried, Kafka 4.4's. A higher one may change what the records mean. */
const KNOWN_LEVELS: ReadonlyMap<string, number> = new Map([
  ['metadata.version', 33],
  ['eligible.leader.replicas.version', 1],
  ['group.version', 1],
  ['share.version', 2],
  ['streams.version', 1],
  ['transaction.version', 2],
])
const KRAFT_VERSION_MAX = 1
/** Kafka 3.7: before, partitions did not say in which directory they are. */
const METADATA_VERSION_MIN = 17

/** What a partition's record says instead of a directory: not assigned yet, and from before Kafka 3.7. */
const ANY_DIRECTORY: ReadonlySet<string> = new Set(['AAAAAAAAAAAAAAAAAAAAAA', 'AAAAAAAAAAAAAAAAAAAAAg'])

const ONLY_ONE = 'Tidemark takes over directories of brokers that are alone'

/**
 * Refuses metadata that this process cannot go on with in the place of the broker that wrote them: there must be one
 * controller and one replica of everything, this directory's, and no feature that is newer than this code.
 *
 * @throws {TidemarkError} UNSUPPORTED, saying what is in the way and what to do.
 */
export function checkTakeover(image: MetadataImage, home: PartitionHome, directory: string): void {
  const problem =
    featureProblem(image) ??
    quorumProblem(image, home) ??
    topicProblem(image, home) ??
    (image.isInTransaction
      ? 'its metadata log ends inside a transaction that only a broker can finish. Start the broker once and stop it in order'
      : undefined)
  if (problem === undefined) return
  const message = `${directory} cannot be opened for writing: ${problem}. Reading works: open it with readOnly.`
  throw new TidemarkError('UNSUPPORTED', message)
}

function featureProblem({ features, kraftVersion }: MetadataImage): string | undefined {
  for (const [name, level] of [...features, ['kraft.version', kraftVersion] as const]) {
    const known = name === 'kraft.version' ? KRAFT_VERSION_MAX : KNOWN_LEVELS.get(name)
    if (known === undefined) return `it uses the feature ${name}, which is unknown here. ${NEWER}`
    if (level > known) return `it uses ${name} ${level}, and up to ${known} is known here. ${NEWER}`
  }
  const version = features.get('metadata.version')
  if (version === undefined || version >= METADATA_VERSION_MIN) return undefined
  return `its metadata.version ${version} is older than Kafka 3.7. Raise it with kafka-features.sh upgrade and stop the broker in order`
}

const NEWER = 'A newer Kafka wrote it: use a newer Tidemark'

function quorumProblem(image: MetadataImage, { nodeId, directoryId }: PartitionHome): string | undefined {
  const voters = image.voters.length > 0 ? image.voters : image.leaderVoters
  if (voters.length === 0) return undefined
  const [voter] = voters
  if (voters.length > 1 || voter?.id !== nodeId) {
    const ids = voters.map(({ id }) => id).join(', ')
    return `its metadata belong to the controllers ${ids}, and it is node ${nodeId}. ${ONLY_ONE} and their own controller`
  }
  if (voter.directoryId === null || voter.directoryId === directoryId) return undefined
  return `its controller's directory is ${voter.directoryId}, but meta.properties says ${directoryId}. Restore meta.properties from a copy`
}

function topicProblem(image: MetadataImage, home: PartitionHome): string | undefined {
  for (const topic of image.topics()) {
    for (const partition of topic.partitions.values()) {
      const problem = partitionProblem(topic, partition, home)
      if (problem !== undefined) return problem
    }
    if (image.configs(topic.name).get('remote.storage.enable') === 'true') {
      return `the topic ${topic.name} keeps records in remote storage (remote.storage.enable). Turn that off, or delete the topic, with Kafka's tools`
    }
  }
  return undefined
}

function partitionProblem(
  { name }: TopicImage,
  { partition, replicas, addingReplicas, removingReplicas, directories }: PartitionImage,
  { nodeId, directoryId }: PartitionHome,
): string | undefined {
  const where = `${name}-${partition}`
  if (addingReplicas.length + removingReplicas.length > 0) {
    return `${where} is being moved between brokers. Let the brokers finish that (kafka-reassign-partitions.sh --verify)`
  }
  if (replicas.length > 1) {
    return `${where} has replicas on the brokers ${replicas.join(', ')}. ${ONLY_ONE}: reassign every partition to broker ${nodeId} only first (kafka-reassign-partitions.sh)`
  }
  if (replicas[0] !== nodeId)
    return `${where} belongs to broker ${replicas.join(', ')}, and this is broker ${nodeId}. ${ONLY_ONE}`
  const isHere = directories.every((id) => id === directoryId || ANY_DIRECTORY.has(id))
  if (isHere) return undefined
  return `${where} is in another log directory of the broker (${directories.join(', ')}; this one is ${directoryId}). Move everything into one with kafka-reassign-partitions.sh`
}
