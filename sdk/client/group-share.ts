import type { ClientContext } from './client-context.ts'

/** Whether a member has all of the partitions that the group has for it: none is still to be given up by another one. */
export async function hasWholeShare(context: ClientContext, group: string, memberId: string): Promise<boolean> {
  // One of us is about to leave, and what it had is ours then.
  await context.whenLeft(group)
  const description = (await context.broker.consumerGroupDescribe({ groups: [group] })).groups[0]
  const own = description?.members.find((member) => member.memberId === memberId)
  return (
    own !== undefined &&
    description?.groupEpoch === description?.assignmentEpoch &&
    own.memberEpoch === description?.groupEpoch &&
    own.assignment.length === own.targetAssignment.length
  )
}
