import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { runChecked } from '../support/run-process.ts'

const OWNER = fileURLToPath(new URL('../support/bench/many-owner.ts', import.meta.url))
const MAX_OPEN_FILES = 96
const TOPICS = 10
const PARTITIONS = 15

/** Runs a step of the benchmark's process, which checks what it reads, with few descriptors. */
async function run(folder: string, step: string): Promise<Record<string, number>> {
  const sizes = [TOPICS, PARTITIONS, 20].map(String)
  const command = `ulimit -n ${MAX_OPEN_FILES} && exec "$@"`
  const { stdout } = await runChecked('sh', ['-c', command, 'sh', process.execPath, OWNER, folder, step, ...sizes])
  return JSON.parse(stdout)
}

test.skipIf(process.platform === 'win32')(
  `${TOPICS * PARTITIONS} partitions are created, written, committed, closed and read again by processes that may have ${MAX_OPEN_FILES} open files`,
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tidemark-limit-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    for (const step of ['fill', 'use', 'follow']) {
      const { descriptors } = await run(folder, step)
      expect(descriptors, step).toBeLessThan(MAX_OPEN_FILES)
    }
  },
  60_000,
)
