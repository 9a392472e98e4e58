import { ConsumerGroup } from './consumer-group.ts'
import type { Group } from './group-table.ts'
import { STATIC_LEAVE_EPOCH } from './member-epoch.ts'

/** Who stands in the way of somebody who wants the group without members: "Group g …". */
export function occupants(group: Group): string {
  if (!(group instanceof ConsumerGroup)) return 'has members'
  const members = [...group.members.values()]
  if (members.some(({ memberEpoch }) => memberEpoch !== STATIC_LEAVE_EPOCH)) return 'has members'
  const names = [...group.instances.keys()].join(', ')
  return `has static members that are away (${names}) and keep their places until their sessions are over`
}
