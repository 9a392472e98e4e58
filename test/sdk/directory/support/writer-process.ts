/** A process that owns a directory and appends on stdin's word. Argument: directory. Answers are lines of JSON. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { nodeEnvironment } from '../../../../sdk/environment/node-environment.ts'
import { append, openDirectory, partitionLog } from './memory-directory.ts'

const directory = await openDirectory(nodeEnvironment(), process.argv[2] ?? '')
const log = partitionLog(directory)
for (const text of ['a', 'b', 'c']) append(log, text)
await log.flush()
process.stdout.write(`${JSON.stringify({ written: log.logEndOffset })}\n`)
for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'append') append(log, 'more')
  if (line === 'read-lock') readFileSync(join(directory.path, '.lock'))
  if (line === 'close') await directory.close()
  process.stdout.write(`${JSON.stringify({ result: log.logEndOffset })}\n`)
}
