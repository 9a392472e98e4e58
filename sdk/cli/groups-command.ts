import type { LagRow } from '../client/lag.ts'
import type { Tidemark } from '../tidemark.ts'
import { type Command, type ExitCode, type Invocation, WRONG_USE } from './command.ts'
import { areMembersGone, reading } from './directory-access.ts'
import { isLagTrouble, summaryWords } from './lag-words.ts'
import { LineWriter } from './line-writer.ts'
import { agoWords, counted } from './plain-words.ts'
import { styleFor } from './style.ts'
import { renderTable } from './table.ts'

type ListedGroup = Awaited<ReturnType<Tidemark['groups']['list']>>[number]
type Description = Awaited<ReturnType<Tidemark['groups']['describe']>>

interface GroupFacts {
  readonly listed: ListedGroup
  readonly description: Description
  readonly rows: readonly LagRow[]
}

export const groupsCommand: Command = {
  name: 'groups',
  summary: 'The groups: who is in them, and how far they are.',
  positionals: ['DIR'],
  options: {},
  details: [
    'Members of a program that was killed are shown until the directory is opened for writing again.',
    'JSON: group, type (classic, consumer, share, streams), protocolType, state (as Kafka names it), partitions (how many it has committed or holds), lagRecords, members (memberId, instanceId, memberEpoch, clientId, host, topics, assignment).',
  ],
  examples: [
    { does: 'All groups', type: 'tidemark groups ./data' },
    { does: 'Who reads what', type: "tidemark groups ./data --json | jq '.members[] | {clientId, assignment}'" },
  ],
  exitCodes: [{ code: 0, means: 'fine' }, { code: 1, means: 'the directory cannot be read' }, WRONG_USE],
  run: (invocation) => reading(invocation, (tide) => listGroups(invocation, tide)),
}

async function listGroups({ terminal, isJson }: Invocation, tide: Tidemark): Promise<ExitCode> {
  const allRows = await tide.lag()
  const groups: GroupFacts[] = []
  for (const listed of await tide.groups.list()) {
    const rows = allRows.filter(({ group }) => group === listed.group)
    groups.push({ listed, description: await tide.groups.describe(listed.group), rows })
  }
  if (isJson) {
    const lines = new LineWriter(terminal)
    for (const group of groups) await lines.line(JSON.stringify(groupToJson(group)))
    await lines.flush()
    return 0
  }
  if (groups.length === 0) {
    await terminal.output.write('There are no groups here yet.\n')
    return 0
  }
  const areGone = groups.some(({ description }) => description.members.length > 0) && (await areMembersGone(tide))
  const style = styleFor(terminal)
  const nowMs = terminal.environment.clock.nowMs()
  const columns = [
    { title: 'Group' },
    { title: 'Members' },
    { title: 'How far', isPainted: true },
    { title: 'Last commit' },
  ]
  const cells = groups.map(({ listed, description, rows }) => {
    const words = summaryWords(rows)
    const committed = rows.flatMap(({ committedAtMs }) => committedAtMs ?? [])
    return [
      listed.group,
      memberWords(description, areGone),
      rows.some(isLagTrouble) ? style.red(words) : words,
      committed.length === 0 ? '-' : agoWords(Math.max(...committed), nowMs),
    ]
  })
  await terminal.output.write(renderTable(columns, cells, terminal.output.columns))
  return 0
}

function memberWords({ type, state, members }: Description, areGone: boolean): string {
  if (type === 'share' || type === 'streams') return `a ${type} group, which only a Kafka broker serves`
  const count = members.length === 0 ? 'none' : counted(members.length, 'member')
  if (areGone && members.length > 0) return `${count}, gone`
  const isSettled = state === 'Stable' || state === 'Empty'
  return isSettled ? count : `${count}, dividing partitions`
}

function groupToJson({ listed, description, rows }: GroupFacts): Record<string, unknown> {
  const { group, type, protocolType, state } = listed
  return {
    group,
    type,
    protocolType,
    state,
    partitions: rows.length,
    lagRecords: rows.reduce((total, row) => total + (row.lagRecords ?? 0), 0),
    members: description.members.map((member) => ({
      memberId: member.memberId,
      instanceId: member.instanceId,
      memberEpoch: member.memberEpoch,
      clientId: member.clientId,
      host: member.clientHost,
      topics: member.subscribedTopicNames,
      assignment: member.assignment,
    })),
  }
}
