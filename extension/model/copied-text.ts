/** Rows as text for the clipboard and for files. */
import type { LagRow } from 'tidemark'

/** One line per partition, columns by tabs, so that a spreadsheet takes it; the names are those of the JSON. */
export function rowsAsTable(rows: readonly LagRow[]): string {
  const columns = [
    'group',
    'topic',
    'partition',
    'committedOffset',
    'logEndOffset',
    'lag',
    'lagRecords',
    'lagState',
  ] as const
  const lines = rows.map((row) => columns.map((column) => row[column] ?? '').join('\t'))
  return [columns.join('\t'), ...lines].join('\n')
}

export function rowsAsJson(rows: readonly LagRow[]): string {
  return JSON.stringify(rows, null, 2)
}

/** `topic,partition,offset` per line: what `--reset-offsets --export` of Kafka's tool prints and `--from-file` takes. */
export function rowsAsOffsetsCsv(rows: readonly LagRow[]): string {
  const committed = rows.filter(({ committedOffset }) => committedOffset !== null)
  return committed.map(({ topic, partition, committedOffset }) => `${topic},${partition},${committedOffset}\n`).join('')
}
