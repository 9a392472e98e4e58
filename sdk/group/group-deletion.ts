import { TidemarkError } from '../errors.ts'
import { classicGroupRecord } from '../offsets/classic-group-record.ts'
import type { CoordinatorRecord } from '../offsets/coordinator-record.ts'
import { offsetTombstone } from '../offsets/offset-commit-record.ts'
import type { OffsetsTable } from '../offsets/offsets-table.ts'
import { ConsumerGroup } from './consumer-group.ts'
import { ForeignGroup } from './foreign-group.ts'
import { GroupDraft } from './group-draft.ts'
import { occupants } from './group-occupants.ts'
import type { Group } from './group-table.ts'
import type { NamedPartition } from './heartbeat-request.ts'

/**
 * The tombstones that delete a group with its commits, in the order in which a broker accepts them. Throws
 * GROUP_NOT_FOUND, NON_EMPTY_GROUP or, for share and streams groups, UNSUPPORTED.
 */
export function planGroupDeletion(group: Group | undefined, name: string, offsets: OffsetsTable): CoordinatorRecord[] {
  const found = checkFound(group, name)
  if (found instanceof ForeignGroup) {
    throw new TidemarkError('UNSUPPORTED', `Group ${name} is a ${found.type} group: delete it with Kafka's own tools.`)
  }
  if (found.state !== 'Empty') {
    throw new TidemarkError(
      'NON_EMPTY_GROUP',
      `Group ${name} ${occupants(found)}: stop its consumers before deleting it.`,
    )
  }
  const commits = offsets.tombstonesOfGroup(name)
  if (!(found instanceof ConsumerGroup)) return [...commits, classicGroupRecord(name, null)]
  const draft = new GroupDraft(found)
  for (const memberId of found.targets.keys()) draft.target(memberId, null)
  draft.targetEpoch(null)
  for (const expression of found.regularExpressions.keys()) draft.noRegularExpression(expression)
  draft.noSubscriptionMetadata()
  draft.groupEpoch(null)
  return [...commits, ...draft.records]
}

/** The tombstones that make a group forget commits, those it has. Throws GROUP_NOT_FOUND or GROUP_SUBSCRIBED_TO_TOPIC. */
export function planOffsetDeletion(
  group: Group | undefined,
  name: string,
  partitions: readonly NamedPartition[],
  offsets: OffsetsTable,
): CoordinatorRecord[] {
  const found = checkFound(group, name)
  for (const { topic, partition } of partitions) {
    if (found instanceof ConsumerGroup && found.subscriberCounts.has(topic)) {
      const message = `A member of group ${name} reads ${topic}: stop the group's consumers before deleting its offsets.`
      throw new TidemarkError('GROUP_SUBSCRIBED_TO_TOPIC', message, { topic, partition })
    }
  }
  return partitions
    .filter(({ topic, partition }) => isKnown(offsets, name, topic, partition))
    .map(({ topic, partition }) => offsetTombstone(name, topic, partition))
}

function isKnown(offsets: OffsetsTable, group: string, topic: string, partition: number): boolean {
  return offsets.get(group, topic, partition) !== undefined || offsets.pendingFor(group, topic, partition)
}

function checkFound(group: Group | undefined, name: string): Group {
  if (group === undefined) throw new TidemarkError('GROUP_NOT_FOUND', `There is no group ${name}.`)
  return group
}
