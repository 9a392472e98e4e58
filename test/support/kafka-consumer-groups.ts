/** Kafka's `kafka-consumer-groups --describe`, the oracle for what our own lag and group views say. */
import { runKafkaTool } from './java.ts'

/** One row by column header (`CURRENT-OFFSET`, `CONSUMER-ID`, …); null where Kafka prints `-`. */
export type GroupRow = Readonly<Record<string, string | null>>

/** The same of `kafka-streams-groups`. */
export async function streamsGroups(bootstrap: string, args: readonly string[]): Promise<GroupRow[]> {
  const { stdout } = await runKafkaTool('kafka-streams-groups', [
    '--bootstrap-server',
    bootstrap,
    '--describe',
    ...args,
  ])
  return parseGroupTables(stdout)
}

/** Runs `--describe` with `args` (`--all-groups` or `--group g`; `--members`, `--state`, `--verbose`, …). */
export async function consumerGroups(bootstrap: string, args: readonly string[]): Promise<GroupRow[]> {
  const { stdout } = await runKafkaTool('kafka-consumer-groups', [
    '--bootstrap-server',
    bootstrap,
    '--describe',
    ...args,
  ])
  return parseGroupTables(stdout)
}

/** Exported for its test. Each group has a table of its own: a header line, then rows aligned with it. */
export function parseGroupTables(text: string): GroupRow[] {
  const rows: GroupRow[] = []
  let columns: { name: string; start: number }[] = []
  for (const line of text.split('\n')) {
    if (line.startsWith('GROUP ')) {
      columns = [...line.matchAll(/\S+(?: \(ID\))?/g)].map((found) => ({ name: found[0], start: found.index }))
    } else if (line.trim() === '') {
      columns = []
    } else if (columns.length > 0) {
      rows.push(parseRow(line, columns))
    }
  }
  return rows
}

function parseRow(line: string, columns: readonly { name: string; start: number }[]): GroupRow {
  const row: Record<string, string | null> = {}
  columns.forEach((column, index) => {
    const cell = line.slice(column.start, columns[index + 1]?.start).trim()
    row[column.name] = cell === '-' ? null : cell
  })
  return row
}
