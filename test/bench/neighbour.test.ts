import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

test('the benchmark of a neighbour against the owner runs to its end on a tiny input and prints every figure', async () => {
  const program = fileURLToPath(new URL('neighbour.bench.ts', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [
    program,
    '--records',
    '3000',
    '--singles',
    '20',
    '--kills',
    '2',
  ])
  expect(stdout.match(/^(produce|send|consume|commit|read).* {2}\S.* \S+$/gm)).toHaveLength(7)
  expect(stdout).toMatch(/Take-over after 2 SIGKILLs, .*: p50 \d+ ms, p99 \d+ ms, slowest \d+ ms/)
}, 120_000)
