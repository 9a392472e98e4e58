import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

test('the benchmark runs to its end on a tiny input and prints every ratio', async () => {
  const program = fileURLToPath(new URL('core.bench.ts', import.meta.url))
  const tiny = ['--records', '3000', '--rounds', '1', '--commits', '20', '--open-megabytes', '4']
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...tiny])
  for (const name of [
    'produce: tidemark ÷ floor',
    'produce: tidemark ÷ sqlite',
    'batches: tidemark ÷ floor',
    'batches: tidemark ÷ sqlite',
    'for await: tidemark ÷ sqlite',
  ]) {
    expect(stdout.match(new RegExp(`${name}\\s+\\d+\\.\\d\\d \\(`, 'g')), name).toHaveLength(2)
  }
  expect(stdout).toMatch(/One durable commit, awaited/)
  expect(stdout.match(/\d+ partitions {2}0\.\d{4} %/g)).toHaveLength(3)
  expect(stdout).toMatch(/Open after a kill with 4 MB: \d+ ms/)
}, 120_000)
