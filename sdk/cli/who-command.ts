import type { ConnectedProcess, DescribeClusterResponse } from '../broker/broker.ts'
import type { Tidemark } from '../tidemark.ts'
import { type Command, type ExitCode, type Invocation, WRONG_USE } from './command.ts'
import { reading, WHY_SILENT } from './directory-access.ts'
import { LineWriter } from './line-writer.ts'
import { agoWords } from './plain-words.ts'
import { renderTable } from './table.ts'
import type { Terminal } from './terminal.ts'

export const whoCommand: Command = {
  name: 'who',
  summary: 'Which process owns the directory, and which others work through it.',
  positionals: ['DIR'],
  options: {},
  details: [
    'The first process that opens a directory owns it, the others are its neighbours. A Kafka broker can own it too; who is connected to that only its own tools tell.',
    'JSON, one line per process: role (owner, neighbour), pid, clientId, sinceMs; null for what nobody knows.',
  ],
  examples: [
    { does: 'Who has it open?', type: 'tidemark who ./data' },
    { does: 'The pid of the owner', type: 'tidemark who ./data --json | jq \'select(.role == "owner").pid\'' },
  ],
  exitCodes: [
    { code: 0, means: 'fine, also where nobody has it open' },
    { code: 1, means: 'the directory cannot be read' },
    WRONG_USE,
  ],
  run: (invocation) => reading(invocation, (tide) => showProcesses(invocation, tide)),
}

async function showProcesses({ terminal, isJson, positionals }: Invocation, tide: Tidemark): Promise<ExitCode> {
  const described = await tide.describeCluster()
  if (isJson) {
    const lines = new LineWriter(terminal)
    for (const [role, each] of processes(described)) await lines.line(JSON.stringify({ role, ...each }))
    await lines.flush()
    return 0
  }
  await terminal.output.write(processText(described, positionals[0], terminal))
  return 0
}

function processes({ owner, neighbours }: DescribeClusterResponse): (readonly [string, ConnectedProcess])[] {
  const others = (neighbours ?? []).map((each) => ['neighbour', each] as const)
  return owner === null ? others : [['owner', owner], ...others]
}

function processText(described: DescribeClusterResponse, path: string, terminal: Terminal): string {
  if (described.owner === null) return `No process has ${path} open for writing.\n`
  const columns = [{ title: 'Process', isNumber: true }, { title: 'Role' }, { title: 'Program' }, { title: 'Since' }]
  const nowMs = terminal.environment.clock.nowMs()
  const rows = processes(described).map(([role, { pid, clientId, sinceMs }]) => {
    return [pid === null ? '?' : String(pid), role, clientId ?? '-', sinceMs === null ? '-' : agoWords(sinceMs, nowMs)]
  })
  const note = described.neighbours === null ? `\nIt cannot be asked who else is connected: ${WHY_SILENT}.\n` : ''
  return renderTable(columns, rows, terminal.output.columns) + note
}
