import type { Sink } from './terminal.ts'

/** Sentences that are longer are hard to read, and most terminals are as wide. */
const MOST_COLUMNS = 80

/** How wide text is to be on `sink`. */
export function textColumns({ columns = MOST_COLUMNS }: Sink): number {
  return Math.min(columns, MOST_COLUMNS)
}

/** `text` broken between words, every line behind `indent` and at most `columns` wide, each ended by a line feed. */
export function wrappedText(text: string, indent: string, columns: number): string {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const isFull = line !== '' && indent.length + line.length + 1 + word.length > columns
    if (isFull) lines.push(line)
    line = line === '' || isFull ? word : `${line} ${word}`
  }
  return [...lines, line].map((each) => `${indent}${each}\n`).join('')
}
