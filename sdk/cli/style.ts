import type { Terminal } from './terminal.ts'

/** Colours, where the reader can see them: on a terminal, unless NO_COLOR (https://no-color.org) is set. */
export interface Style {
  bold(text: string): string
  dim(text: string): string
  red(text: string): string
  yellow(text: string): string
  green(text: string): string
}

const PLAIN: Style = { bold: same, dim: same, red: same, yellow: same, green: same }
const COLOURED: Style = {
  bold: paint(1, 22),
  dim: paint(2, 22),
  red: paint(31, 39),
  yellow: paint(33, 39),
  green: paint(32, 39),
}

/** The style for `terminal`'s standard output, or for its standard error. */
export function styleFor(terminal: Terminal, sink: 'output' | 'errors' = 'output'): Style {
  const noColour = (terminal.variables['NO_COLOR'] ?? '') !== '' || terminal.variables['TERM'] === 'dumb'
  return terminal[sink].isTerminal && !noColour ? COLOURED : PLAIN
}

/** `text` without its colours: what is seen of it. */
export function withoutColours(text: string): string {
  return text.replaceAll(ESCAPES, '')
}

const ESCAPE = String.fromCharCode(27)
const ESCAPES = new RegExp(`${ESCAPE}\\[\\d+m`, 'g')

function same(text: string): string {
  return text
}

function paint(on: number, off: number): (text: string) => string {
  return (text) => `${ESCAPE}[${on}m${text}${ESCAPE}[${off}m`
}
