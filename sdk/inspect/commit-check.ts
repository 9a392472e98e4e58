import type { GroupTable } from '../group/group-table.ts'
import { CONSUMER_OFFSETS_TOPIC } from '../topic/topic-name.ts'
import { type Finding, Findings } from './finding.ts'

/** A partition as commits see it. */
export interface CommittedPartition {
  /** null: not known. */
  readonly topicId: string | null
  readonly logStartOffset: number
  readonly logEndOffset: number
}

export interface CommitQuestion {
  readonly table: GroupTable
  /** The directory's name of the partition of `__consumer_offsets` that holds a group. */
  readonly fileOf: (group: string) => { readonly partition: number; readonly file: string }
  /** undefined: there is no such partition. */
  readonly find: (topic: string, partition: number) => CommittedPartition | undefined
}

/** Does every commit point to a place that exists? Commits were read before the logs, so a live group looks fine. */
export function checkCommits({ table, fileOf, find }: CommitQuestion): readonly Finding[] {
  const found: Finding[] = []
  for (const group of table.offsets.groups()) {
    const { partition: offsetsPartition, file } = fileOf(group)
    const findings = new Findings(CONSUMER_OFFSETS_TOPIC, offsetsPartition)
    const who = `Group ${JSON.stringify(group)}`
    for (const { topic, partition, offset, topicId } of table.offsets.partitionsOf(group)) {
      const place = `${topic}-${partition}`
      const log = find(topic, partition)
      if (log === undefined || isOther(topicId, log.topicId)) {
        findings.add(file, {
          severity: 'warning',
          rule: 'commit',
          what: `${who} committed offset ${offset} of ${place}, ${log === undefined ? 'which does not exist' : 'but of a topic that was deleted; another has its name now'}.`,
          whatToDo: 'If the topic was deleted on purpose, delete this commit of the group.',
        })
      } else if (offset > log.logEndOffset) {
        findings.add(file, {
          severity: 'warning',
          rule: 'commit',
          what: `${who} committed offset ${offset} of ${place}, whose log ends at ${log.logEndOffset}: records it had read are gone, or it was set by hand.`,
          whatToDo: `Put it where it should go on: tidemark reset DIR --group ${group} --topic ${topic}:${partition} --to-latest --execute`,
        })
      } else if (offset < log.logStartOffset) {
        findings.add(file, {
          severity: 'note',
          rule: 'commit',
          what: `${who} committed offset ${offset} of ${place}, which begins at ${log.logStartOffset} now: retention deleted records it had not read.`,
          whatToDo: 'Keep records longer (retention.ms, retention.bytes), or reset the group to the earliest offset.',
        })
      }
    }
    found.push(...findings.list)
  }
  return found
}

function isOther(committed: string | null, present: string | null): boolean {
  return committed !== null && present !== null && committed !== present
}
