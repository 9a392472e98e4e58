import { readWholeFile } from '../log/whole-file.ts'
import type { Terminal } from './terminal.ts'
import { UsageError } from './usage-error.ts'

/** The text of a file that was named on the command line; `-` is standard input. @throws UsageError */
export async function readTextFile({ environment, input }: Terminal, path: string): Promise<string> {
  if (path === '-') {
    const parts: Uint8Array[] = []
    for await (const part of input) parts.push(part)
    return Buffer.concat(parts).toString('utf8')
  }
  const bytes = readWholeFile(environment.files, path)
  if (bytes === undefined) throw new UsageError(`There is no file ${path}.`)
  return bytes.toString('utf8')
}
