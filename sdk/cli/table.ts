import { withoutColours } from './style.ts'

export interface Column {
  readonly title: string
  /** Numbers stand at the right, so that their digits line up. */
  readonly isNumber?: boolean
}

/** Rows as aligned lines, each ended by a line feed; the titles above. */
export function renderTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const safeRows = rows.map((row) => row.map(withoutControls))
  const widths = columns.map((column, index) =>
    Math.max(visibleWidth(column.title), ...safeRows.map((row) => visibleWidth(row[index] ?? ''))),
  )
  const lines = [columns.map(({ title }) => title), ...safeRows].map((row) =>
    columns
      .map(({ isNumber }, index) => pad(row[index] ?? '', widths[index]!, isNumber === true))
      .join('  ')
      .trimEnd(),
  )
  return lines.map((line) => `${line}\n`).join('')
}

/** A topic or group name from a foreign directory may hold anything: it must not move the cursor or break the line. */
export function withoutControls(text: string): string {
  return text.replace(CONTROLS, (match) => (match.startsWith(ESCAPE) && match.length > 1 ? match : escaped(match)))
}

const ESCAPE = String.fromCharCode(27)
// Our own colours pass, every other control character is shown as its number.
const CONTROLS = new RegExp(`${ESCAPE}\\[\\d+m|[\\u0000-\\u001f\\u007f-\\u009f]`, 'g')

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
