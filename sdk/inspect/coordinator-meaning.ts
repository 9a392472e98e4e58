import { assignedPartitions, subscribedTopics } from '../group/consumer-protocol.ts'
import { decodeCurrentAssignment, type HeldPartitions, MEMBER_STATE } from '../group/current-assignment-record.ts'
import { decodeGroupEpoch } from '../group/group-epoch-record.ts'
import { decodeMember } from '../group/member-record.ts'
import { byTopic, type PartitionId } from '../group/partition-id.ts'
import { decodeRegularExpression } from '../group/regular-expression-record.ts'
import { decodeTarget, decodeTargetEpoch } from '../group/target-record.ts'
import { decodeClassicGroup } from '../offsets/classic-group-record.ts'
import { decodeOffsetCommit } from '../offsets/offset-commit-record.ts'
import { parseRecordKey, RECORD_TYPES, type RecordKey } from '../offsets/record-key.ts'
import type { LogRecord } from '../record/record-batch.ts'
import type { Fields, RecordMeaning } from './file-row.ts'

type Names = ReadonlyMap<string, string>
type Decoded = { readonly words: string; readonly value: Fields | null }
type GroupRecordKey = Exclude<RecordKey, { kind: 'offset' | 'unknown' }>

const TYPE_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(RECORD_TYPES).map(([name, type]) => [type, name]),
)
const STATES = Object.keys(MEMBER_STATE)

/** What a record of `__consumer_offsets` says. `names`: of topics, by id. */
export function coordinatorMeaning({ key, value }: LogRecord, names: Names): RecordMeaning {
  const parsed = parseRecordKey(key)
  const { kind: _, type: number, ...fields } = parsed
  const type = TYPE_NAMES.get(number) ?? `Unknown (${number})`
  if (parsed.kind === 'unknown') {
    return { type, words: `a record of type ${number}, of a newer Kafka`, key: null, value: null }
  }
  const decoded = parsed.kind === 'offset' ? commitOf(parsed, value) : groupOf(parsed, value, names, type)
  return { type, key: fields as Fields, ...decoded }
}

function commitOf(key: RecordKey & { kind: 'offset' }, bytes: Buffer | null): Decoded {
  const place = `${key.topic}-${key.partition}`
  if (bytes === null) return { words: `${key.group} forgets its commit of ${place}`, value: null }
  const commit = decodeOffsetCommit(bytes)
  const beside = commit.metadata === '' ? '' : `, with ${JSON.stringify(commit.metadata)}`
  return { words: `${key.group} commits ${place} at ${commit.offset}${beside}`, value: { ...commit } }
}

function groupOf(key: GroupRecordKey, value: Buffer | null, names: Names, type: string): Decoded {
  if (value === null) return { words: tombstoneWords(key), value: null }
  const { group } = key
  const who = key.kind === 'member' ? `${group}: member ${key.memberId}` : group
  switch (key.type) {
    case RECORD_TYPES.GroupMetadata:
      return classicOf(group, value)
    case RECORD_TYPES.ConsumerGroupMetadata: {
      const { epoch, metadataHash } = decodeGroupEpoch(value)
      return { words: `${group} is in group epoch ${epoch}`, value: { epoch, metadataHash: String(metadataHash) } }
    }
    case RECORD_TYPES.ConsumerGroupMemberMetadata: {
      const { classic, ...member } = decodeMember(value)
      const wanted = [...member.subscribedTopicNames, member.subscribedTopicRegex ?? ''].filter((each) => each !== '')
      const protocols = classic === null ? null : classic.protocols.map(({ name }) => name)
      return {
        words: `${who} of ${member.clientId} at ${member.clientHost} wants ${wanted.join(', ') || 'nothing'}`,
        value: { ...member, classicProtocols: protocols },
      }
    }
    case RECORD_TYPES.ConsumerGroupTargetAssignmentMetadata: {
      const target = decodeTargetEpoch(value)
      return { words: `${group}: partitions are assigned for epoch ${target.assignmentEpoch}`, value: { ...target } }
    }
    case RECORD_TYPES.ConsumerGroupTargetAssignmentMember: {
      const partitions = placesOf(decodeTarget(value), names)
      return { words: `${who} is to have ${listed(partitions)}`, value: { partitions } }
    }
    case RECORD_TYPES.ConsumerGroupCurrentMemberAssignment:
      return currentOf(who, value, names)
    case RECORD_TYPES.ConsumerGroupRegularExpression: {
      const found = decodeRegularExpression(value)
      const regex = key.kind === 'regex' ? key.regex : ''
      return { words: `${group}: /${regex}/ matches ${listed(found.topics)}`, value: { ...found } }
    }
    default:
      return { words: `${who}: ${type}, which is not decoded`, value: { bytes: value.length } }
  }
}

function tombstoneWords(key: GroupRecordKey): string {
  const { group } = key
  switch (key.type) {
    case RECORD_TYPES.GroupMetadata:
    case RECORD_TYPES.ConsumerGroupMetadata:
    case RECORD_TYPES.ShareGroupMetadata:
    case RECORD_TYPES.StreamsGroupMetadata:
      return `${group} is deleted`
    case RECORD_TYPES.ConsumerGroupTargetAssignmentMetadata:
      return `${group}: no partitions are assigned any more`
  }
  if (key.kind === 'regex') return `${group}: /${key.regex}/ is no longer wanted`
  if (key.kind !== 'member') return `${group}: record type ${key.type} is removed`
  const who = `${group}: member ${key.memberId}`
  if (key.type === RECORD_TYPES.ConsumerGroupTargetAssignmentMember) return `${who} is to have nothing any more`
  if (key.type === RECORD_TYPES.ConsumerGroupCurrentMemberAssignment) return `${who} has nothing any more`
  return `${who} is gone`
}

function classicOf(group: string, bytes: Buffer): Decoded {
  const { members: found, ...record } = decodeClassicGroup(bytes)
  const members = found.map(({ subscription, assignment, ...member }) => ({
    ...member,
    topics: subscribedTopics(subscription) ?? null,
    partitions: assignedPartitions(assignment)?.map(({ topic, partition }) => `${topic}-${partition}`) ?? null,
  }))
  const who = members.map(
    ({ memberId, partitions }) =>
      `${memberId} has ${partitions === null ? 'what its protocol says' : listed(partitions)}`,
  )
  const words = `${group} is in generation ${record.generation}: ${who.length === 0 ? 'no members' : who.join('; ')}`
  return { words, value: { ...record, members } }
}

function currentOf(who: string, bytes: Buffer, names: Names): Decoded {
  const { memberEpoch, previousMemberEpoch, state, assigned, pendingRevocation } = decodeCurrentAssignment(bytes)
  const [has, givesUp] = [assigned, pendingRevocation].map((held: HeldPartitions) => placesOf(held.keys(), names)) as [
    string[],
    string[],
  ]
  const leaving = givesUp.length === 0 ? '' : `, gives up ${listed(givesUp)}`
  return {
    words: `${who} has ${listed(has)} in epoch ${memberEpoch}${leaving}`,
    value: {
      memberEpoch,
      previousMemberEpoch,
      state: STATES[state] ?? state,
      assigned: has,
      pendingRevocation: givesUp,
    },
  }
}

/** `payments-0`; with the id where the name is not known. */
function placesOf(ids: Iterable<PartitionId>, names: Names): string[] {
  return [...byTopic(ids)].flatMap(([topicId, numbers]) =>
    numbers.map((number) => `${names.get(topicId) ?? topicId}-${number}`),
  )
}

function listed(all: readonly string[]): string {
  return all.length === 0 ? 'nothing' : all.join(', ')
}
