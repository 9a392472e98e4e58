import { PARTITION_METADATA } from '../directory/partition-directory.ts'
import { type Finding, Findings } from './finding.ts'

/** What was learnt of a partition's directory that may tell whether it stands in its place. */
export interface PlacedPartition {
  readonly topic: string
  readonly partition: number
  readonly directoryName: string
  readonly topicId: string | undefined
  /** Infinity where it is not known. */
  readonly logEndOffset: number
  /** Where the log ended when the directory was closed in order; undefined where that is not known. */
  readonly closedAt: number | undefined
  /** The other partition to which all its keys belong. */
  readonly keysElsewhere: number | undefined
}

const DONT =
  'Do not open the directory for writing before: stop its owner, give both directories the right names, then verify again.'

/**
 * Do the directories of partitions stand in their places? Nothing in a directory says which partition of its topic it is,
 * so two that were swapped show only by their lengths after an orderly stop, and by their keys. `explained` are the
 * directories whose wrong length this tells the reason for.
 */
export function checkPlaces(
  places: readonly PlacedPartition[],
  isMetadataReadable: boolean,
): { findings: Finding[]; explained: Set<string> } {
  const found: Finding[] = []
  const explained = new Set<string>()
  for (const [topic, siblings] of Map.groupBy(places, (place) => place.topic)) {
    if (!isMetadataReadable) checkIds(topic, siblings, found)
    for (const [at, one] of siblings.entries()) {
      for (const other of siblings.slice(at + 1)) {
        const why = reasonsForSwap(one, other)
        if (why.length === 0) continue
        explained.add(one.directoryName).add(other.directoryName)
        new Findings(topic, one.partition, found).add(one.directoryName, {
          severity: 'warning',
          rule: 'misplaced',
          what: `The directories ${one.directoryName} and ${other.directoryName} look swapped: ${why.join('; ')}.`,
          whatABrokerWouldDo: 'It does not notice: groups go on at the other partition, and skip or repeat records.',
          whatToDo: DONT,
        })
      }
      if (one.keysElsewhere !== undefined && !explained.has(one.directoryName)) noteKeys(one, found)
    }
  }
  return { findings: found, explained }
}

function reasonsForSwap(one: PlacedPartition, other: PlacedPartition): string[] {
  const why: string[] = []
  const isCrosswise = one.logEndOffset === other.closedAt && other.logEndOffset === one.closedAt
  if (isCrosswise && one.logEndOffset !== other.logEndOffset) {
    why.push(
      `each ends where the other did (at ${one.logEndOffset} and ${other.logEndOffset}) when the directory was closed`,
    )
  }
  if (one.keysElsewhere === other.partition && other.keysElsewhere === one.partition) {
    why.push("by Kafka's partitioner the keys of each belong into the other")
  }
  return why
}

function noteKeys({ topic, partition, directoryName, keysElsewhere }: PlacedPartition, found: Finding[]): void {
  new Findings(topic, partition, found).add(directoryName, {
    severity: 'note',
    rule: 'misplaced',
    what: `By Kafka's partitioner all its keys belong into ${topic}-${keysElsewhere}.`,
    whatABrokerWouldDo: 'It does not notice.',
    whatToDo:
      'Nothing, if your producers choose partitions in another way. Otherwise the directory has the name of another partition: look at both.',
  })
}

/** Where the metadata log cannot tell the id of a topic, its partitions must still agree. */
function checkIds(topic: string, siblings: readonly PlacedPartition[], found: Finding[]): void {
  const known = siblings.filter(({ topicId }) => topicId !== undefined)
  const first = known[0]
  if (first === undefined) return
  const other = known.find(({ topicId }) => topicId !== first.topicId)
  if (other === undefined) return
  new Findings(topic, other.partition, found).add(`${other.directoryName}/${PARTITION_METADATA}`, {
    severity: 'warning',
    rule: 'misplaced',
    what: `The directory belongs to topic id ${other.topicId}, but ${first.directoryName} to ${first.topicId}: they are of two topics with one name.`,
    whatABrokerWouldDo: 'It serves the one whose id its metadata log has, and renames the other to …-stray.',
    whatToDo: 'Restore both from the same copy; the metadata log of that copy says which id is right.',
  })
}
