import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

test('the benchmark of the inspector runs to its end on a tiny input and prints every figure', async () => {
  const program = fileURLToPath(new URL('inspector.bench.ts', import.meta.url))
  const sizes = ['--groups', '30', '--partitions', '2', '--commits', '5', '--idle-seconds', '0.1']
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...sizes])
  expect(stdout).toMatch(/^30 groups × 2 partitions/)
  expect(stdout.match(/^ {2}(first complete tree|a look at nothing new|one commit.*): \d+ ms, \d+ ms$/gm)).toHaveLength(
    5,
  )
  expect(stdout).toMatch(/memory: \d+ MiB, of which \d+ MiB are objects/)
  expect(stdout).toMatch(/from commit to changed text: p50 \d+ ms, p95 \d+ ms/)
  expect(stdout).toMatch(/rows drawn again: \d+/)
  expect(stdout).toMatch(/processor while nothing happens: \d+\.\d\d %/)
}, 120_000)
