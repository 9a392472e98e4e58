import { asDiskFailure } from '../log/storage-error.ts'
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
  const { files } = environment
  try {
    if (files.stat(path)?.isDirectory === true) throw new UsageError(`${path} is a directory, not a file.`)
    const bytes = readWholeFile(files, path)
    if (bytes === undefined) throw new UsageError(`There is no file ${path}.`)
    return bytes.toString('utf8')
  } catch (error) {
    throw asDiskFailure(error, `read ${path}`)
  }
}
