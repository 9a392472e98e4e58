import type { GroupDescription } from '../broker/broker.ts'
import type { LagRow } from '../client/lag.ts'
import type { PartitionId } from '../group/partition-id.ts'
import type { CommitHistoryEntry } from '../offsets/commit-history.ts'
import { type GroupProgress, longestPauseMs } from './group-progress.ts'
import type { HealthLimits, HealthRule, HealthSeverity, HealthVerdict } from './health-verdict.ts'
import { countTries, type DepartureFacts } from './stuck-tries.ts'

/** What the rules know of a group in one partition. */
export interface PartitionFacts {
  /** How far behind it is. */
  readonly row: LagRow
  /** Its topic's id and its number, as departures name it. */
  readonly partitionId: PartitionId
  /** Whether that is getting better. */
  readonly progress: GroupProgress
  /** Oldest first, as far back as was looked. */
  readonly commits: readonly CommitHistoryEntry[]
  /** The first record that is not processed: null where there is none or it cannot be read. */
  readonly nextRecord: { readonly offset: number; readonly timestampMs: number } | null
  /** The topic's `retention.ms`; −1: nothing is deleted. */
  readonly retentionMs: number
  /** The topic's `retention.bytes`; −1: nothing is deleted. */
  readonly retentionBytes: number
}

/** What they know of a group. */
export interface GroupFacts {
  /** Its name. */
  readonly group: string
  /** What it is doing, as `groups.describe` says. */
  readonly state: GroupDescription['state']
  /** Who is in it; nobody where the program that had them is gone. */
  readonly members: readonly string[]
  /** Members of a program that is gone: the next one to open the directory for writing removes them. */
  readonly formerMembers: readonly string[]
  /** When its members last began to divide the partitions anew; null: not known. */
  readonly dividingSinceMs: number | null
  /** Members that left, oldest first. */
  readonly departures: readonly DepartureFacts[]
  /** One for each partition that it has committed or holds. */
  readonly partitions: readonly PartitionFacts[]
}

/** What the rules need to know besides the group. */
export interface HealthContext {
  /** Milliseconds since 1970. */
  readonly nowMs: number
  /** From where on something counts as trouble. */
  readonly limits: HealthLimits
}

/** What is wrong with a group. Pure: the same facts give the same verdicts, whoever asks. */
export function judgeGroup(facts: GroupFacts, context: HealthContext): HealthVerdict[] {
  const verdicts = [...judgeDivision(facts, context), ...judgeAbsence(facts, context)]
  for (const partition of facts.partitions) verdicts.push(...judgePartition(facts, partition, context))
  return verdicts
}

function judgeDivision(facts: GroupFacts, { nowMs, limits }: HealthContext): HealthVerdict[] {
  const { state, members, dividingSinceMs } = facts
  const isSettled = state === 'Stable' || state === 'Empty' || state === 'Dead'
  if (isSettled || members.length === 0 || dividingSinceMs === null) return []
  const forMs = nowMs - dividingSinceMs
  if (forMs < limits.rebalancingAfterMs) return []
  return [
    verdictOf(facts, null, 'rebalancing', 'warning', {
      words: `its members have been dividing the partitions for ${spanWords(forMs)}`,
      evidence: { state, members: members.length, dividingSinceAtMs: dividingSinceMs, forMs },
      advice:
        'One of them does not let go of a partition, because the body of its loop takes that long. Look for the member whose work does not end.',
    }),
  ]
}

/** One verdict for the group, not one per partition: what is to be done is one thing. */
function judgeAbsence(facts: GroupFacts, { nowMs, limits }: HealthContext): HealthVerdict[] {
  const { members, formerMembers, partitions } = facts
  if (members.length > 0) return []
  const waiting = partitions.filter(isWaiting)
  const oldestAtMs = Math.min(...waiting.map(({ nextRecord }) => nextRecord?.timestampMs ?? Number.POSITIVE_INFINITY))
  // Where no record could be read, that records wait is all that is known.
  const forMs = waiting.length > 0 && oldestAtMs === Number.POSITIVE_INFINITY ? null : nowMs - oldestAtMs
  if (waiting.length === 0 || (forMs !== null && forMs < limits.noMembersAfterMs)) return []
  const records = waiting.reduce((total, { row }) => total + (row.lagRecords ?? row.lag ?? 0), 0)
  const who = formerMembers.length === 0 ? 'nobody is in the group' : 'the program that consumed is gone'
  return [
    verdictOf(facts, null, 'no-members', 'warning', {
      words: `${counted(records, 'record')} wait${records === 1 ? 's' : ''} and ${who}${forMs === null ? '' : `; the oldest is ${spanWords(forMs)} old`}`,
      evidence: {
        records,
        partitions: waiting.length,
        oldestMs: forMs,
        formerMembers: formerMembers.join(', ') || null,
      },
      advice: 'Start the program that consumes in this group. If it is meant to be gone, delete the group.',
    }),
  ]
}

function judgePartition(facts: GroupFacts, partition: PartitionFacts, context: HealthContext): HealthVerdict[] {
  const outside = judgePlace(facts, partition)
  if (outside !== undefined) return [outside]
  if (!isWaiting(partition)) return []
  const moving =
    judgeStuck(facts, partition, context) ??
    (facts.members.length === 0
      ? undefined
      : (judgeUnassigned(facts, partition) ??
        judgeStalled(facts, partition, context) ??
        judgeBehind(facts, partition, context) ??
        judgeNeverCommitted(facts, partition)))
  const retention = judgeRetention(facts, partition, context)
  return [moving, retention].filter((verdict) => verdict !== undefined)
}

/** Commits that point to nowhere. */
function judgePlace(facts: GroupFacts, partition: PartitionFacts): HealthVerdict | undefined {
  const { committedOffset, logStartOffset, logEndOffset, lagState, reason, lagRecords } = partition.row
  const evidence = { committedOffset, logStartOffset, logEndOffset }
  switch (lagState) {
    case 'lost': {
      const lost = (logStartOffset ?? 0) - (committedOffset ?? 0)
      return verdictOf(facts, partition, 'lost-records', 'error', {
        words: `${counted(lost, 'offset')} that it had not read ${lost === 1 ? 'is' : 'are'} gone`,
        evidence: { ...evidence, lostOffsets: lost, readable: lagRecords },
        advice: 'Retention, compaction or somebody deleted them. Reset it to the earliest to go on with what is left.',
      })
    }
    case 'past-the-end':
      return verdictOf(facts, partition, 'past-the-end', 'error', {
        words: `it has committed ${committedOffset}, but the log ends at ${logEndOffset}`,
        evidence,
        advice:
          'Records that it had read are gone, or the offset was set by hand. Verify the directory, then reset it to the latest.',
      })
    case 'topic-deleted':
      return verdictOf(facts, partition, 'topic-deleted', 'warning', {
        words: 'its topic is gone',
        evidence,
        advice: 'Delete what the group has committed for the topic, if nobody is to make it again.',
      })
    case 'unavailable':
      return verdictOf(facts, partition, 'unavailable', 'error', {
        words: `how far it is cannot be told, because ${reason ?? 'the log cannot be read'}`,
        evidence: { ...evidence, reason },
        advice: 'Verify the directory: it says what is damaged and what is lost.',
      })
    default:
      return undefined
  }
}

/** The same record was tried again and again: members that held it left, or commits came that did not move. */
function judgeStuck(
  facts: GroupFacts,
  partition: PartitionFacts,
  { nowMs, limits }: HealthContext,
): HealthVerdict | undefined {
  const { nextRecord, progress, row } = partition
  const sinceMs = Math.max(progress.lastProgressAtMs ?? 0, nextRecord?.timestampMs ?? 0)
  const tries = countTries(facts, partition, sinceMs)
  const { givenUp, tried, triedAmongOthers, repeated } = tries
  if (Math.max(givenUp, repeated) < limits.stuckAfterTries) return undefined
  const isSure = Math.max(tried, repeated) >= limits.stuckAfterTries
  const offset = nextRecord?.offset ?? row.committedOffset ?? row.logStartOffset
  const evidence = {
    ...{ offset, givenUp, tried, triedAmongOthers, repeatedCommits: repeated },
    ...{ lastProgressAtMs: progress.lastProgressAtMs, sinceMs: nowMs - sinceMs },
  }
  if (!isSure) {
    return verdictOf(facts, partition, 'stuck', 'notice', {
      words: `it may be stuck at offset ${offset}, or has not had its turn: ${givenUp} members came and went without progress here, but moved other partitions that have records waiting too`,
      evidence,
      advice:
        'Let a member run until the other partitions are read. If this one still does not move, look at the record there and at the error of its handler.',
    })
  }
  const how =
    tried >= repeated ? `${tried} members came and went` : `it committed the same offset ${repeated + 1} times`
  const isAmongOthers = repeated < limits.stuckAfterTries && tried - triedAmongOthers < limits.stuckAfterTries
  const among = isAmongOthers ? ', here and in others that wait: one of them is in the way' : ''
  return verdictOf(facts, partition, 'stuck', 'error', {
    words: `it does not get past offset ${offset}: ${how} without progress${among}`,
    evidence,
    advice:
      'Look at the record there and at the error of its handler. Mend the handler; or pass over the record by resetting this partition by 1.',
  })
}

function judgeUnassigned(facts: GroupFacts, partition: PartitionFacts): HealthVerdict | undefined {
  if (partition.row.memberId !== null || facts.state !== 'Stable') return undefined
  return verdictOf(facts, partition, 'unassigned', 'notice', {
    words: `the group has ${counted(facts.members.length, 'member')}, but none of them reads this topic`,
    evidence: { members: facts.members.length, lagRecords: partition.row.lagRecords },
    advice: 'If the topic was given up, delete what the group has committed for it.',
  })
}

/** Long work and a loop that hangs look alike from outside, so the group's own rhythm counts too. */
function judgeStalled(
  facts: GroupFacts,
  partition: PartitionFacts,
  { nowMs, limits }: HealthContext,
): HealthVerdict | undefined {
  const { nextRecord, progress, commits, row } = partition
  const sinceMs = Math.max(progress.lastProgressAtMs ?? row.committedAtMs ?? 0, nextRecord?.timestampMs ?? 0)
  const forMs = nowMs - sinceMs
  const longestMs = longestPauseMs(commits)
  if (row.memberId === null || sinceMs === 0 || forMs < Math.max(limits.stalledAfterMs, 3 * longestMs)) return undefined
  const offset = nextRecord?.offset ?? row.committedOffset ?? row.logStartOffset
  return verdictOf(facts, partition, 'stalled', 'warning', {
    words: `nothing was committed for ${spanWords(forMs)}, though a member is alive: it works on offset ${offset} for that long, or hangs there`,
    evidence: {
      offset,
      forMs,
      longestPauseMs: longestMs,
      lastProgressAtMs: progress.lastProgressAtMs,
      memberId: row.memberId,
      clientId: row.clientId,
    },
    advice:
      'Look at what the handler waits for. A handler that needs so long is fine: then say so with a higher limit.',
  })
}

function judgeBehind(
  facts: GroupFacts,
  partition: PartitionFacts,
  { limits }: HealthContext,
): HealthVerdict | undefined {
  const { trend, lag, lagBefore, processedPerSecond, appendedPerSecond, timeLagMs } = partition.progress
  if (trend !== 'growing' || (timeLagMs ?? 0) < limits.behindAfterMs) return undefined
  return verdictOf(facts, partition, 'falling-behind', 'warning', {
    words: `records come faster than it processes them: ${perSecond(appendedPerSecond)} come, ${perSecond(processedPerSecond)} are processed`,
    evidence: { lag, lagBefore, processedPerSecond, appendedPerSecond, timeLagMs },
    advice:
      'Add members up to the number of partitions, process records in batches or in parallel, or find out what became slow.',
  })
}

function judgeNeverCommitted(facts: GroupFacts, partition: PartitionFacts): HealthVerdict | undefined {
  const { row, nextRecord } = partition
  if (row.lagState !== 'never-committed') return undefined
  return verdictOf(facts, partition, 'never-committed', 'notice', {
    words: `it has not committed yet, and ${counted(row.lagRecords ?? 0, 'record')} can be read`,
    evidence: { lagRecords: row.lagRecords, oldestRecordAtMs: nextRecord?.timestampMs ?? null },
    advice:
      "Nothing, if it has just started. Otherwise look whether its handler finishes, and whether it commits by hand ('manual').",
  })
}

/** Unread records that retention may soon delete. */
function judgeRetention(
  facts: GroupFacts,
  partition: PartitionFacts,
  { nowMs, limits }: HealthContext,
): HealthVerdict | undefined {
  const { nextRecord, retentionMs, retentionBytes, row, progress } = partition
  const unread = (row.logEndOffset ?? 0) - Math.max(row.committedOffset ?? 0, row.logStartOffset ?? 0)
  const kept = (row.logEndOffset ?? 0) - (row.logStartOffset ?? 0)
  if (retentionMs >= 0 && nextRecord !== null) {
    const leftMs = nextRecord.timestampMs + retentionMs - nowMs
    const isSoon = leftMs < retentionMs * (1 - limits.retentionPart)
    const evidence = { leftMs, retentionMs, oldestRecordAtMs: nextRecord.timestampMs, etaMs: progress.etaMs }
    const words =
      leftMs > 0
        ? `retention may delete unread records in ${spanWords(leftMs)}`
        : `retention may delete unread records at any moment: the oldest is past retention.ms by ${spanWords(-leftMs)}`
    const advice = `Raise the topic's retention.ms (now ${spanWords(retentionMs)}) before anything else, then make the group faster.`
    if (isSoon)
      return verdictOf(facts, partition, 'retention-risk', leftMs > 0 ? 'warning' : 'error', {
        words,
        evidence,
        advice,
      })
  }
  // How many bytes are unread cannot be asked, but a log that has deleted before has filled its retention.bytes.
  const hasDeleted = (row.logStartOffset ?? 0) > 0
  if (retentionBytes < 0 || !hasDeleted || kept === 0 || unread / kept < limits.retentionPart) return undefined
  return verdictOf(facts, partition, 'retention-risk', 'warning', {
    words: `${Math.round((unread / kept) * 100)} % of what the log keeps is unread, and its size is limited: the oldest goes first`,
    evidence: { unreadOffsets: unread, keptOffsets: kept, retentionBytes },
    advice: "Raise the topic's retention.bytes before anything else, then make the group faster.",
  })
}

/** Whether there are records that the group has not processed. */
function isWaiting({ row }: PartitionFacts): boolean {
  return row.lagState === 'behind' || (row.lagState === 'never-committed' && (row.lagRecords ?? 1) > 0)
}

function verdictOf(
  { group }: GroupFacts,
  partition: PartitionFacts | null,
  rule: HealthRule,
  severity: HealthSeverity,
  told: Pick<HealthVerdict, 'words' | 'evidence' | 'advice'>,
): HealthVerdict {
  const { topic = null, partition: number = null } = partition?.row ?? {}
  return { rule, severity, group, topic, partition: number, ...told }
}

function counted(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`
}

function perSecond(rate: number | null): string {
  return rate === null
    ? 'an unknown number'
    : `${rate < 10 ? rate.toFixed(1) : Math.round(rate).toLocaleString('en')}/s`
}

/** A span of time, coarse: `40 s`, `12 min`, `3 h`, `2 days`. */
export function spanWords(ms: number): string {
  const seconds = Math.round(ms / 1000)
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`
  if (seconds < 2 * 86_400) return `${Math.round(seconds / 3600)} h`
  return `${Math.round(seconds / 86_400).toLocaleString('en')} days`
}
