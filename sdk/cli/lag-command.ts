import type { LagRow } from '../client/lag.ts'
import type { Tidemark } from '../tidemark.ts'
import { type Command, type ExitCode, type Invocation, WRONG_USE } from './command.ts'
import { areMembersGone, checkGroupExists, looking } from './directory-access.ts'
import { lagRowToJson } from './lag-json.ts'
import { watchLagChanges } from './lag-watching.ts'
import { colouredLag, isLagTrouble, lagAdvice, needsAdvice } from './lag-words.ts'
import { LineWriter } from './line-writer.ts'
import { agoWords, digits } from './plain-words.ts'
import { styleFor } from './style.ts'
import { renderTable } from './table.ts'
import type { Terminal } from './terminal.ts'

export const lagCommand: Command = {
  name: 'lag',
  summary: 'How far each group is behind: one row per group and partition.',
  positionals: ['DIR'],
  options: {
    group: { type: 'string', short: 'g', valueName: 'NAME', description: 'only this group' },
    watch: {
      type: 'boolean',
      short: 'w',
      description: 'a screen that is kept up to date, until q or Ctrl-C; a line per change where nobody looks',
    },
  },
  details: [
    'A program that has the directory open is asked, as a guest that only looks; where there is none, or it does not answer within a second, its files are read, as after a crash or on a copy. Both tell the same. A group counts as behind by the records that are really there to be read.',
    'With --watch also how old the oldest waiting record is, how fast the group is, where that leads, what is wrong, and what changed lately. Goes on when the directory goes away and comes back, and when its program starts again.',
    'JSON: group, topic, partition, committedOffset, leaderEpoch, metadata, committedAtMs, logStartOffset, logEndOffset, lag (end minus committed, as Kafka counts), lagRecords, lagState (behind, up-to-date, never-committed, lost, past-the-end, topic-deleted, unavailable), memberId, clientId, host. With --watch: a line per row, then one per row that changed, with atMs before it; where a row, the owner or the directory comes and goes: atMs with gone (true; group, topic, partition), ownerPid and isOwned, problem (text or null), or verdict (as in `tidemark health --json`).',
  ],
  examples: [
    { does: 'Every group', type: 'tidemark lag ./data' },
    { does: 'One group, live', type: 'tidemark lag ./data --group fraud --watch' },
    {
      does: 'Partitions with more than 1,000 records left',
      type: "tidemark lag ./data --json | jq 'select(.lagRecords > 1000)'",
    },
  ],
  exitCodes: [
    { code: 0, means: 'no record was lost, however far a group is behind' },
    { code: 1, means: 'records were lost, a commit is past the end of the log, or its topic is gone' },
    WRONG_USE,
  ],
  run: (invocation) => looking(invocation, (tide) => showLag(invocation, tide)),
}

async function showLag(invocation: Invocation, tide: Tidemark): Promise<ExitCode> {
  const group = invocation.options.text('group')
  if (group !== undefined) await checkGroupExists(tide, group)
  const question = group === undefined ? {} : { group }
  if (!invocation.options.isSet('watch')) {
    const rows = await tide.lag(question)
    await print(invocation, tide, rows)
    return rows.some(isLagTrouble) ? 1 : 0
  }
  // It opens the directory itself, and again when it comes back.
  await tide.close()
  await watchLagChanges(invocation, question)
  return 0
}

async function print(invocation: Invocation, tide: Tidemark, rows: readonly LagRow[]): Promise<void> {
  const { terminal, isJson, positionals } = invocation
  if (isJson) {
    const lines = new LineWriter(terminal)
    for (const row of rows) await lines.line(JSON.stringify(lagRowToJson(row)))
    await lines.flush()
    return
  }
  if (rows.length === 0) {
    await terminal.output.write('No group has committed anything here yet.\n')
    return
  }
  const advice = rows.filter(needsAdvice).map((row) => `\n${lagAdvice(row, positionals[0])}\n`)
  const areGone = rows.some(({ memberId }) => memberId !== null) && (await areMembersGone(tide))
  await terminal.output.write(lagTable(rows, areGone, terminal) + advice.join(''))
}

function lagTable(rows: readonly LagRow[], areGone: boolean, terminal: Terminal): string {
  const style = styleFor(terminal)
  const nowMs = terminal.environment.clock.nowMs()
  const columns = [
    { title: 'Group' },
    { title: 'Topic' },
    { title: 'Partition', isNumber: true },
    { title: 'How far', isPainted: true },
    { title: 'Next to read', isNumber: true },
    { title: 'Log end', isNumber: true },
    { title: 'Last commit' },
    { title: 'Held by' },
  ]
  const cells = rows.map((row) => [
    row.group,
    row.topic,
    String(row.partition),
    colouredLag(row, style),
    row.committedOffset === null ? '-' : digits(row.committedOffset),
    row.logEndOffset === null ? '-' : digits(row.logEndOffset),
    row.committedAtMs === null ? '-' : agoWords(row.committedAtMs, nowMs),
    `${holder(row)}${areGone && row.memberId !== null ? ', gone' : ''}`,
  ])
  return renderTable(columns, cells, terminal.output.columns)
}

function holder({ clientId, memberId, host }: LagRow): string {
  if (memberId === null) return '-'
  const name = clientId === null || clientId === '' ? memberId : clientId
  return host === null || host === '' || host === '/127.0.0.1' ? name : `${name} at ${host.replace(/^\//, '')}`
}
