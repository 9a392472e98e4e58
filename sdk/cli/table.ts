import { withoutColours } from './style.ts'

export interface Column {
  readonly title: string
  /** Numbers stand at the right, so that their digits line up. */
  readonly isNumber?: boolean
  /** Its cells are our own words, perhaps coloured. All others are shown as text, whatever is in them. */
  readonly isPainted?: boolean
}

/**
 * Rows as aligned lines, each ended by a line feed; the titles above. Where they are wider than `maxWidth`, a terminal
 * would break them anywhere: then every row is a block of its own, with a line per cell.
 */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  maxWidth = Number.POSITIVE_INFINITY,
): string {
  const cells = rows.map((row) =>
    columns.map(({ isPainted }, index) =>
      isPainted === true ? (row[index] ?? '') : withoutControls(row[index] ?? ''),
    ),
  )
  const widths = columns.map((column, index) =>
    Math.max(visibleWidth(column.title), ...cells.map((row) => visibleWidth(row[index]!))),
  )
  const width = widths.reduce((total, each) => total + each + GAP.length, -GAP.length)
  if (width > maxWidth) return blocks(columns, cells)
  const lines = [columns.map(({ title }) => title), ...cells].map((row) =>
    columns
      .map(({ isNumber }, index) => pad(row[index]!, widths[index]!, isNumber === true))
      .join(GAP)
      .trimEnd(),
  )
  return lines.map((line) => `${line}\n`).join('')
}

/** Text from a foreign directory may hold anything: it must not colour, move the cursor or break the line. */
export function withoutControls(text: string): string {
  return text.replace(CONTROLS, escaped)
}

const GAP = '  '
const CONTROLS = /\p{Cc}/gu

function blocks(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const width = Math.max(...columns.map(({ title }) => visibleWidth(title)))
  const texts = rows.map((row) =>
    columns.map(({ title }, index) => `${pad(title, width, false)}${GAP}${row[index]!}`.trimEnd()).join('\n'),
  )
  return texts.map((text) => `${text}\n`).join('\n')
}

function escaped(character: string): string {
  return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`
}

function pad(text: string, width: number, isNumber: boolean): string {
  const spaces = ' '.repeat(Math.max(0, width - visibleWidth(text)))
  return isNumber ? spaces + text : text + spaces
}

function visibleWidth(text: string): number {
  return [...withoutColours(text)].length
}
