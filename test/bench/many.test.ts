import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

test('the benchmark with many partitions and groups runs to its end on a tiny input and prints every figure', async () => {
  const program = fileURLToPath(new URL('many.bench.ts', import.meta.url))
  const sizes = ['--topics', '2', '--partitions', '6', '--groups', '8', '--behind-megabytes', '8']
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...sizes])
  const figures = (name: string) => stdout.match(new RegExp(`^${name} .*$`, 'm'))?.[0].match(/\d+(\.\d\d)?/g)?.length
  expect(stdout).toMatch(/^2 topics × 6 partitions, 8 groups/)
  expect([figures('new'), figures('after a clean stop'), figures('after a kill'), figures('follower')]).toEqual([
    8, 7, 7, 6,
  ])
  expect(
    stdout.match(
      /by (batches|records): \d+\.\d s, memory rose by .* MiB to the middle, by .* MiB to the end, at most \d+ MiB/g,
    ),
  ).toHaveLength(2)
}, 120_000)
