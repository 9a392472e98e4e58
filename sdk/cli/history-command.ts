import type { PartitionHistory } from '../client/group-history.ts'
import { spanWords } from '../inspect/health-rules.ts'
import { isSamePosition, parseResetMetadata } from '../offsets/reset-metadata.ts'
import type { Tidemark } from '../tidemark.ts'
import { type Command, type ExitCode, type Invocation, WRONG_USE } from './command.ts'
import { checkGroupExists, checkTopicExists, reading } from './directory-access.ts'
import { GROUP_OPTION, requiredGroup } from './group-option.ts'
import { LineWriter } from './line-writer.ts'
import { digits } from './plain-words.ts'
import { type Style, styleFor } from './style.ts'
import { renderTable, withoutControls } from './table.ts'
import type { Terminal } from './terminal.ts'

const DEFAULT_MAX = 20

export const historyCommand: Command = {
  name: 'history',
  summary: 'What a group committed, and when: every commit, reset and deletion that is still known.',
  positionals: ['DIR'],
  options: {
    ...GROUP_OPTION,
    topic: { type: 'string', short: 't', valueName: 'TOPIC', description: 'only this topic' },
    max: { type: 'string', valueName: 'N', description: `the newest N of each partition (default: ${DEFAULT_MAX})` },
  },
  details: [
    'Compaction keeps only the newest commit of each partition in the older part of the log.',
    'JSON: group, topic, partition, kind (commit, tombstone), offset, leaderEpoch, metadata, timestampMs, logOffset (where in __consumer_offsets it stands). A tombstone removes the commit; it has no offset, leaderEpoch and metadata (null).',
  ],
  examples: [
    { does: 'What happened lately', type: 'tidemark history ./data --group fraud' },
    { does: 'Everything', type: 'tidemark history ./data --group fraud --max 1000000 --json' },
  ],
  exitCodes: [{ code: 0, means: 'fine' }, { code: 1, means: 'the directory cannot be read' }, WRONG_USE],
  run: (invocation) => reading(invocation, (tide) => showHistory(invocation, tide)),
}

async function showHistory(invocation: Invocation, tide: Tidemark): Promise<ExitCode> {
  const { terminal, options, isJson } = invocation
  const group = requiredGroup(options)
  const topic = options.text('topic')
  const max = options.count('max', 1) ?? DEFAULT_MAX
  // One more than is shown, so that the oldest shown can say how far it moved.
  const history = await tide.groups.history(group, { topic, keepNewest: max + 1 })
  // A group or a topic that was deleted has a history, too.
  if (history.length === 0) await checkGroupExists(tide, group)
  if (history.length === 0 && topic !== undefined) await checkTopicExists(tide, topic)
  if (isJson) {
    const lines = new LineWriter(terminal)
    for (const { partition, topic: name, entries } of history) {
      for (const entry of entries.slice(-max)) {
        const { kind, offset, timestampMs, metadata, logOffset } = entry
        const leaderEpoch = entry.kind === 'commit' ? entry.leaderEpoch : null
        const place = { group, topic: name, partition }
        await lines.line(JSON.stringify({ ...place, kind, offset, leaderEpoch, metadata, timestampMs, logOffset }))
      }
    }
    await lines.flush()
    return 0
  }
  await terminal.output.write(historyText(terminal, group, history, max))
  return 0
}

function historyText(terminal: Terminal, group: string, history: readonly PartitionHistory[], max: number): string {
  if (history.length === 0) return `Group ${group} has committed nothing.\n`
  const columns = [
    { title: 'Time (UTC)' },
    { title: 'Topic' },
    { title: 'Partition', isNumber: true },
    { title: 'Offset', isNumber: true },
    { title: 'What happened', isPainted: true },
  ]
  const style = styleFor(terminal)
  const rows = history
    .flatMap(({ topic, partition, entries }) =>
      entries.map((entry, index) => ({
        topic,
        partition,
        entry,
        before: entries[index - 1],
        index,
        count: entries.length,
      })),
    )
    .filter(({ index, count }) => index >= count - max)
    // All of a group stands in one log, whose order is what happened: clocks are set back.
    .sort((a, b) => a.entry.logOffset - b.entry.logOffset)
    .map(({ topic, partition, entry, before }) => [
      timeWords(entry.timestampMs),
      topic,
      String(partition),
      entry.offset === null ? '-' : digits(entry.offset),
      whatHappened(entry, before, style),
    ])
  const isCut = history.some(({ entries }) => entries.length > max)
  const more = isCut ? `\nThe newest ${digits(max)} of each partition; --max N shows more.\n` : ''
  return renderTable(columns, rows, terminal.output.columns) + more
}

type Entry = PartitionHistory['entries'][number]

function whatHappened(entry: Entry, before: Entry | undefined, style: Style): string {
  if (entry.kind === 'tombstone')
    return style.yellow(
      isAsBeforeReset(entry, before) ? 'commit removed: back to how it was before the reset' : 'commit removed',
    )
  if (isAsBeforeReset(entry, before)) return style.yellow('back to where it was before the reset')
  const former = parseResetMetadata(entry.metadata)
  if (former !== undefined) {
    return style.yellow(former === null ? 'reset; was not committed before' : `reset from ${digits(former.offset)}`)
  }
  const own = entry.metadata === '' ? '' : style.dim(` ${withoutControls(JSON.stringify(entry.metadata))}`)
  if (before?.kind !== 'commit') return `committed${own}`
  const moved = entry.offset - before.offset
  if (moved === 0) return `committed the same again${own}`
  if (moved < 0) return style.yellow(`back by ${digits(-moved)}`) + own
  return `+${digits(moved)} after ${pauseWords(entry.timestampMs - before.timestampMs)}${own}`
}

/** Undone, or read up to there again: an undo leaves nothing that would tell the two apart. */
function isAsBeforeReset(entry: Entry, before: Entry | undefined): boolean {
  if (before?.kind !== 'commit') return false
  const former = parseResetMetadata(before.metadata)
  return former !== undefined && isSamePosition(entry.kind === 'commit' ? entry : null, former)
}

function pauseWords(ms: number): string {
  return ms < 1000 ? `${Math.max(0, ms)} ms` : spanWords(ms)
}

function timeWords(timestampMs: number): string {
  return new Date(timestampMs)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, '')
}
