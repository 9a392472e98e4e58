import type { GroupTable } from '../group/group-table.ts'
import { CONSUMER_OFFSETS_TOPIC } from '../topic/topic-name.ts'
import { type Finding, type FindingDetails, Findings } from './finding.ts'
import { shellWord } from './shell-word.ts'

/** A partition as commits see it. */
export interface CommittedPartition {
  /** null: not known. */
  readonly topicId: string | null
  readonly logStartOffset: number
  /** Infinity where it is not known. */
  readonly logEndOffset: number
  /** What a check found lost between the two; `to` null: up to the end. */
  readonly lost: readonly { readonly from: number; readonly to: number | null }[]
}

export interface CommitQuestion {
  readonly table: GroupTable
  /** The directory's name of the partition of `__consumer_offsets` that holds a group. */
  readonly fileOf: (group: string) => { readonly partition: number; readonly file: string }
  /** undefined: there is no such partition. */
  readonly find: (topic: string, partition: number) => CommittedPartition | undefined
}

type Commit = ReturnType<GroupTable['offsets']['partitionsOf']>[number]

/** Does every commit point to a place that exists? Commits were read before the logs, so a live group looks fine. */
export function checkCommits({ table, fileOf, find }: CommitQuestion): readonly Finding[] {
  const found: Finding[] = []
  for (const group of table.offsets.groups()) {
    const { partition: offsetsPartition, file } = fileOf(group)
    const findings = new Findings(CONSUMER_OFFSETS_TOPIC, offsetsPartition, found)
    for (const commit of table.offsets.partitionsOf(group)) {
      const problem = judge(group, commit, find(commit.topic, commit.partition))
      if (problem !== null) findings.add(file, { rule: 'commit', offset: commit.offset, ...problem })
    }
  }
  return found
}

function judge(
  group: string,
  { topic, partition, offset, topicId }: Commit,
  log: CommittedPartition | undefined,
): Omit<FindingDetails, 'rule'> | null {
  const who = `Group ${JSON.stringify(group)} committed offset ${offset} of ${topic}-${partition}`
  const reset = `tidemark reset DIR --group ${shellWord(group)} --topic ${topic}:${partition}`
  if (log === undefined || isOther(topicId, log.topicId)) {
    return {
      severity: 'warning',
      what: `${who}, ${log === undefined ? 'which does not exist' : 'but of a topic that was deleted; another has its name now'}.`,
      whatABrokerWouldDo:
        log === undefined
          ? 'It keeps the commit, and nobody uses it.'
          : 'Consumers of the new protocol begin anew; others go on at this offset of the other topic.',
      whatToDo: 'If the topic was deleted on purpose, delete this commit of the group.',
    }
  }
  if (offset > log.logEndOffset) {
    return {
      severity: 'warning',
      what: `${who}, whose log ends at ${log.logEndOffset}: records it had read are gone, or it was set by hand.`,
      whatABrokerWouldDo: OUT_OF_RANGE,
      whatToDo: `Put it where it should go on: ${reset} --to-latest --execute`,
    }
  }
  const lost = log.lost.find(({ from, to }) => from <= offset && (to === null || offset < to))
  if (lost !== undefined) {
    const place = lost.to === null ? `lost from ${lost.from} on` : `lost from ${lost.from} to ${lost.to - 1}`
    const next = lost.to === null ? '--to-latest' : `--to-offset ${lost.to}`
    return {
      severity: 'warning',
      what: `${who}, which is ${place}: it never read the rest of what is lost there.`,
      whatABrokerWouldDo:
        'Where bytes are damaged, its consumers stop here; where offsets are missing, they pass over them.',
      whatToDo: `Restore the partition from a copy. Otherwise put the group behind the loss: ${reset} ${next} --execute`,
    }
  }
  if (offset >= log.logStartOffset) return null
  return {
    severity: 'note',
    what: `${who}, which begins at ${log.logStartOffset} now: retention deleted records it had not read.`,
    whatABrokerWouldDo: OUT_OF_RANGE,
    whatToDo: 'Keep records longer (retention.ms, retention.bytes), or reset the group to the earliest offset.',
  }
}

const OUT_OF_RANGE =
  'It answers OFFSET_OUT_OF_RANGE: consumers go on where auto.offset.reset says, by default at the end.'

function isOther(committed: string | null, present: string | null): boolean {
  return committed !== null && present !== null && committed !== present
}
