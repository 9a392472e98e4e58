import { spanWords } from '../inspect/health-rules.ts'
import { progressWords } from './health-words.ts'
import { lagWords } from './lag-words.ts'
import { counted, digits } from './plain-words.ts'
import type { Report } from './report.ts'
import { withoutControls } from './table.ts'

/** The report as Markdown, to be put into a ticket. */
export function reportText(report: Report): string {
  const { tidemark, platform, atMs, directory } = report
  const owner = directory.ownerPid === null ? 'a program' : `process ${directory.ownerPid}`
  const facts = [
    ['Tidemark', tidemark],
    ['Platform', platform],
    ['Made at', new Date(atMs).toISOString()],
    ['Directory', directory.path],
    ['Open for writing', directory.isOwned ? `by ${owner}` : 'by nobody'],
  ]
  const parts = [
    `# Tidemark report\n\n${table(['', ''], facts)}`,
    section('Topics', topicRows(report)),
    section('Groups', groupRows(report)),
    section('What is wrong', verdictLines(report)),
    section('Lag', lagRows(report)),
    section('Newest commits', historyRows(report)),
    section('Verification', findingLines(report)),
    'Keys, values, headers and the metadata of commits are not in this report.\n',
  ]
  return parts.join('\n')
}

function section(title: string, body: string): string {
  return `## ${title}\n\n${body === '' ? 'None.\n' : body}`
}

function topicRows({ topics }: Report): string {
  const rows = topics.flatMap(({ topic, partitions, configs }) =>
    runsOf(partitions).map(([first, last]) => [
      first === last ? `${topic}-${first.partition}` : `${topic}-${first.partition} to ${last.partition}`,
      ...[digits(first.logStartOffset), digits(first.logEndOffset), String(first.leaderEpoch)],
      Object.entries(configs)
        .map(([name, value]) => `${name}=${value}`)
        .join(', '),
    ]),
  )
  return rows.length === 0 ? '' : table(['Partition', 'Start', 'End', 'Leader epoch', 'Configs'], rows)
}

type PartitionFacts = Report['topics'][number]['partitions'][number]

/** First and last of partitions in a row that are all the same, as most of `__consumer_offsets` are. */
function runsOf(partitions: readonly PartitionFacts[]): (readonly [PartitionFacts, PartitionFacts])[] {
  const runs: [PartitionFacts, PartitionFacts][] = []
  for (const each of partitions) {
    const run = runs.at(-1)
    if (run !== undefined && isAlike(run[1], each) && each.partition === run[1].partition + 1) run[1] = each
    else runs.push([each, each])
  }
  return runs
}

function isAlike(one: PartitionFacts, other: PartitionFacts): boolean {
  return (
    one.logStartOffset === other.logStartOffset &&
    one.logEndOffset === other.logEndOffset &&
    one.leaderEpoch === other.leaderEpoch
  )
}

function groupRows({ groups }: Report): string {
  const rows = groups.map(({ group, status, state, members, progress }) => [
    ...[group, status, state, String(members)],
    ...progressWords(progress),
  ])
  const titles = ['Group', 'Health', 'State', 'Members', 'Oldest', 'Processed', 'Trend', 'Caught up in']
  return rows.length === 0 ? '' : table(titles, rows)
}

function verdictLines({ groups }: Report): string {
  return groups
    .flatMap(({ group, verdicts }) => verdicts.map((verdict) => ({ group, ...verdict })))
    .map(({ group, severity, rule, topic, partition, words }) => {
      const place = topic === null ? group : `${group} on ${topic}-${partition}`
      return `- **${severity} ${rule}**, ${plain(place)}: ${plain(words)}\n`
    })
    .join('')
}

function lagRows({ lag, atMs }: Report): string {
  const rows = lag.map((row) => [
    ...[row.group, `${row.topic}-${row.partition}`, lagWords({ ...row, ...NOBODY })],
    row.committedOffset === null ? '-' : digits(row.committedOffset),
    row.logEndOffset === null ? '-' : digits(row.logEndOffset),
    row.committedAtMs === null ? '-' : `${spanWords(atMs - row.committedAtMs)} before`,
  ])
  return rows.length === 0 ? '' : table(['Group', 'Partition', 'How far', 'Next', 'End', 'Committed'], rows)
}

const NOBODY = { metadata: null, memberId: null, clientId: null, host: null } as const

function historyRows({ history }: Report): string {
  const rows = history.map(({ group, topic, partition, kind, offset, timestampMs }) => [
    ...[new Date(timestampMs).toISOString(), group, `${topic}-${partition}`],
    kind === 'commit' ? digits(offset ?? 0) : 'removed',
  ])
  return rows.length === 0 ? '' : table(['Time', 'Group', 'Partition', 'Offset'], rows)
}

function findingLines({ findings }: Report): string {
  if (findings === null) return 'Not asked for.\n'
  if (findings.length === 0) return 'Nothing is wrong.\n'
  const lines = findings.map(({ severity, rule, file, what }) => {
    return `- **${severity} ${rule}**, ${plain(file)}: ${plain(what)}\n`
  })
  return `${counted(findings.length, 'finding')}.\n\n${lines.join('')}`
}

function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(plain).join(' | ')} |\n`
  return [line(titles), `|${'---|'.repeat(titles.length)}\n`, ...rows.map(line)].join('')
}

/** A name must not end a cell, begin markup or move a cursor. */
function plain(text: string): string {
  return withoutControls(text).replace(/[\\|`*_<>[\]]/g, '\\$&')
}
