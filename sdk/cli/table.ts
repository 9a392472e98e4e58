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
/** What moves the cursor, breaks the line, or turns the order in which what stands behind it is shown. */
const CONTROLS = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu
const ASCII = /^[\x20-\x7e]*$/
/** What takes two columns of a terminal: the scripts of East Asia, their full-width forms, and emoji. */
const WIDE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\u3000-\u303e\uff01-\uff60\uffe0-\uffe6]/u
/** What takes none: it changes the character before it. */
const COMBINING = /[\p{Mn}\p{Me}\p{Cf}]/u

function blocks(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const width = Math.max(...columns.map(({ title }) => visibleWidth(title)))
  const texts = rows.map((row) =>
    columns.map(({ title }, index) => `${pad(title, width, false)}${GAP}${row[index]!}`.trimEnd()).join('\n'),
  )
  return texts.map((text) => `${text}\n`).join('\n')
}

function escaped(character: string): string {
  const code = character.charCodeAt(0).toString(16)
  return code.length > 2 ? `\\u${code.padStart(4, '0')}` : `\\x${code.padStart(2, '0')}`
}

function pad(text: string, width: number, isNumber: boolean): string {
  const spaces = ' '.repeat(Math.max(0, width - visibleWidth(text)))
  return isNumber ? spaces + text : text + spaces
}

function visibleWidth(text: string): number {
  const plain = withoutColours(text)
  if (ASCII.test(plain)) return plain.length
  let width = 0
  for (const character of plain) width += COMBINING.test(character) ? 0 : WIDE.test(character) ? 2 : 1
  return width
}
