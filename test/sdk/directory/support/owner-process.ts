/**
 * A process that owns a directory and does on stdin's word what an owner should not do, or has done to it.
 * Arguments: directory, fence name, waitMs. Answers are lines of JSON.
 */
import { cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Ownership } from '../../../../sdk/directory/ownership.ts'
import { nodeEnvironment } from '../../../../sdk/environment/node-environment.ts'
import { TidemarkError } from '../../../../sdk/errors.ts'

const [directory = '', fence = '', waitMs = '0'] = process.argv.slice(2)

function answer(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

try {
  const ownership = await Ownership.take(nodeEnvironment(), directory, {
    waitMs: Number(waitMs),
    fenceName: () => fence,
  })
  answer({ owns: true, pid: process.pid })
  const commands: Record<string, () => unknown> = {
    read: () => readFileSync(join(directory, '.lock')).length,
    copy: () => cpSync(directory, `${directory}-copy`, { recursive: true }),
    check: () => ownership.check(),
    release: () => ownership.release(),
  }
  for await (const line of createInterface({ input: process.stdin })) {
    const result = await commands[line]?.()
    answer({ done: line, result })
  }
} catch (error) {
  if (!(error instanceof TidemarkError)) throw error
  answer({ owns: false, code: error.code, message: error.message })
}
