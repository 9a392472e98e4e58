import type { LagRow } from '../client/lag.ts'
import type { Tidemark } from '../tidemark.ts'
import { type Command, type ExitCode, type Invocation, WRONG_USE } from './command.ts'
import { checkGroupExists, reading } from './directory-access.ts'
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
    watch: { type: 'boolean', short: 'w', description: 'show it again whenever it changes, until interrupted' },
  },
  details: [
    'Works while another program has the directory open, after a crash, and on a copy. A group counts as behind by the records that are really there to be read.',
    'JSON: group, topic, partition, committedOffset, leaderEpoch, metadata, committedAtMs, logStartOffset, logEndOffset, lag (end minus committed, as Kafka counts), lagRecords, lagState (behind, up-to-date, never-committed, lost, past-the-end, topic-deleted, unavailable), memberId, clientId, host.',
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
  run: (invocation) => reading(invocation, (tide) => showLag(invocation, tide)),
}

async function showLag(invocation: Invocation, tide: Tidemark): Promise<ExitCode> {
  const group = invocation.options.text('group')
  if (group !== undefined) await checkGroupExists(tide, group)
  const question = group === undefined ? {} : { group }
  if (!invocation.options.isSet('watch')) {
    const rows = await tide.lag(question)
    const nowMs = invocation.terminal.environment.clock.nowMs()
    await print(invocation, rows, (timestampMs) => agoWords(timestampMs, nowMs))
    return rows.some(isLagTrouble) ? 1 : 0
  }
  await watch(invocation, tide, question)
  return 0
}

async function watch(invocation: Invocation, tide: Tidemark, question: { group?: string }): Promise<void> {
  const { terminal, isJson } = invocation
  const { signal, output, environment } = terminal
  for await (const rows of tide.watchLag({ ...question, signal })) {
    if (signal.aborted) return
    if (!isJson) {
      const clear = output.isTerminal ? CLEAR_SCREEN : ''
      const title = `${timeOfDay(environment.clock.nowMs())}  (Ctrl-C ends this)`
      await output.write(`${clear}${styleFor(terminal).dim(title)}\n`)
    }
    await print(invocation, rows, timeOfDay)
    if (!isJson && !output.isTerminal) await output.write('\n')
  }
}

const CLEAR_SCREEN = `${String.fromCharCode(27)}[H${String.fromCharCode(27)}[2J`

/** `timeText`: how the time of a commit is told. While watching it is the time itself, since nothing makes "3 s ago" true for long. */
async function print(
  { terminal, isJson, positionals }: Invocation,
  rows: readonly LagRow[],
  timeText: (timestampMs: number) => string,
): Promise<void> {
  if (isJson) {
    const lines = new LineWriter(terminal)
    for (const row of rows) await lines.line(JSON.stringify(rowToJson(row)))
    await lines.flush()
    return
  }
  if (rows.length === 0) {
    await terminal.output.write('No group has committed anything here yet.\n')
    return
  }
  const advice = rows.filter(needsAdvice).map((row) => `\n${lagAdvice(row, positionals[0])}\n`)
  await terminal.output.write(lagTable(rows, terminal, timeText) + advice.join(''))
}

function lagTable(rows: readonly LagRow[], terminal: Terminal, timeText: (timestampMs: number) => string): string {
  const style = styleFor(terminal)
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
    row.committedAtMs === null ? '-' : timeText(row.committedAtMs),
    holder(row),
  ])
  return renderTable(columns, cells, terminal.output.columns)
}

function timeOfDay(timestampMs: number): string {
  return new Date(timestampMs).toLocaleTimeString('en-GB')
}

function holder({ clientId, memberId, host }: LagRow): string {
  if (memberId === null) return '-'
  const name = clientId === null || clientId === '' ? memberId : clientId
  return host === null || host === '' || host === '/127.0.0.1' ? name : `${name} at ${host.replace(/^\//, '')}`
}

/** Exactly the promised names, in their order. */
function rowToJson(row: LagRow): Record<string, unknown> {
  const { group, topic, partition, committedOffset, leaderEpoch, metadata, committedAtMs } = row
  const { logStartOffset, logEndOffset, lag, lagRecords, lagState, memberId, clientId, host } = row
  return {
    group,
    topic,
    partition,
    committedOffset,
    leaderEpoch,
    metadata,
    committedAtMs,
    logStartOffset,
    logEndOffset,
    lag,
    lagRecords,
    lagState,
    memberId,
    clientId,
    host,
  }
}
