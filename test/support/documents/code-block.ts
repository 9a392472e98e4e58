/** The code blocks of the documents that users copy from. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '../../..')

/** README.md and the pages of docs/, but for the reference, which is generated. */
export const DOCUMENTS = [
  'README.md',
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]

export interface CodeBlock {
  /** `README.md:19`: where its first line stands. */
  readonly place: string
  /** What stands behind the language: `types-only` needs a server or a framework, so it is compiled and not run. */
  readonly note: string
  readonly text: string
}

export function textOf(document: string): string {
  return readFileSync(join(ROOT, document), 'utf8')
}

/** The blocks of a language, of a whole document or of one chapter. */
export function blocksOf(document: string, language: string, chapter?: string): CodeBlock[] {
  const text = textOf(document)
  const start = chapter === undefined ? 0 : text.indexOf(`\n## ${chapter}\n`) + 1
  const end = chapter === undefined ? text.length : text.indexOf('\n## ', start)
  return [...text.matchAll(/^```(\w+)([^\n]*)\n(.*?)^```$/gms)]
    .filter((match) => match[1] === language && match.index >= start && match.index < end)
    .map((match) => ({
      place: `${document}:${text.slice(0, match.index).split('\n').length + 1}`,
      note: match[2]!.trim(),
      text: match[3]!,
    }))
}

/** A file name that says where the block stands. */
export function fileNameOf({ place }: CodeBlock): string {
  return `${place.replaceAll(/[^\w-]+/g, '-')}.ts`
}
