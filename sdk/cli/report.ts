import type { LagRow } from '../client/lag.ts'
import type { GroupProgress } from '../inspect/group-progress.ts'
import type { HealthVerdict } from '../inspect/health-verdict.ts'
import type { Finding } from '../inspect/verify.ts'
import type { Tidemark } from '../tidemark.ts'

/** What somebody who is to help has to know: everything but what is in the records. Its names are promised. */
export interface Report {
  /** Version of Tidemark. */
  readonly tidemark: string
  /** Node and the machine. */
  readonly platform: string
  readonly atMs: number
  readonly directory: { readonly path: string; readonly isOwned: boolean; readonly ownerPid: number | null }
  readonly topics: readonly ReportedTopic[]
  readonly groups: readonly ReportedGroup[]
  readonly lag: readonly ReportedLag[]
  /** The newest commits of each partition, oldest first. */
  readonly history: readonly ReportedCommit[]
  /** As `verifyDirectory` tells them; null where it was not asked. */
  readonly findings: readonly Finding[] | null
}

export interface ReportedTopic {
  readonly topic: string
  readonly topicId: string
  /** Those that were set. */
  readonly configs: Readonly<Record<string, string>>
  readonly partitions: readonly {
    readonly partition: number
    readonly leaderEpoch: number
    readonly logStartOffset: number
    readonly logEndOffset: number
  }[]
}

export interface ReportedGroup {
  readonly group: string
  readonly status: string
  readonly state: string
  readonly members: number
  readonly progress: GroupProgress
  readonly verdicts: readonly Omit<HealthVerdict, 'group'>[]
}

/** A row of lag without what people write into commits, and without who they are. */
export type ReportedLag = Omit<LagRow, 'metadata' | 'memberId' | 'clientId' | 'host'>

export interface ReportedCommit {
  readonly group: string
  readonly topic: string
  readonly partition: number
  readonly kind: 'commit' | 'tombstone'
  readonly offset: number | null
  readonly timestampMs: number
}

/** Per partition. */
const NEWEST_COMMITS = 10

/** What the directory says about itself, but for what `verify` finds. */
export async function readReport(tide: Tidemark): Promise<Pick<Report, 'topics' | 'groups' | 'lag' | 'history'>> {
  const { groups } = await tide.health()
  const rows = groups.flatMap(({ partitions }) => partitions.map(({ row }) => row))
  const history: ReportedCommit[] = []
  for (const { group } of groups) {
    for (const { topic, partition, entries } of await tide.groups.history(group, { keepNewest: NEWEST_COMMITS })) {
      const commits = entries.map(({ kind, offset, timestampMs }) => ({ kind, offset, timestampMs }))
      history.push(...commits.map((commit) => ({ group, topic, partition, ...commit })))
    }
  }
  return {
    topics: await readTopics(tide),
    groups: groups.map(({ group, status, state, members, progress, verdicts }) => ({
      ...{ group, status, state, members, progress },
      verdicts: verdicts.map(({ group: _, ...verdict }) => ({
        ...verdict,
        evidence: withoutClients(verdict.evidence),
      })),
    })),
    lag: rows.map(({ metadata: _metadata, memberId: _memberId, clientId: _clientId, host: _host, ...row }) => row),
    history,
  }
}

function withoutClients(evidence: HealthVerdict['evidence']): HealthVerdict['evidence'] {
  return Object.fromEntries(Object.entries(evidence).filter(([name]) => name !== 'memberId' && name !== 'clientId'))
}

async function readTopics(tide: Tidemark): Promise<ReportedTopic[]> {
  const topics: ReportedTopic[] = []
  for (const { name } of await tide.topics.list()) {
    const { topicId, partitions, configs } = await tide.topics.describe(name)
    const starts = await tide.topic(name).offsets('earliest')
    const ends = await tide.topic(name).offsets('latest')
    const offsetIn = (offsets: typeof starts, wanted: number) =>
      offsets.find(({ partition }) => partition === wanted)?.offset ?? 0
    topics.push({
      topic: name,
      topicId,
      configs: Object.fromEntries(configs.filter(({ isDefault }) => !isDefault).map((each) => [each.name, each.value])),
      partitions: partitions.map(({ partition, leaderEpoch }) => ({
        ...{ partition, leaderEpoch },
        logStartOffset: offsetIn(starts, partition),
        logEndOffset: offsetIn(ends, partition),
      })),
    })
  }
  return topics
}
