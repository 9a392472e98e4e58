import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { open } from '../../sdk/index.ts'
import { commitBatches } from '../support/bench/commit-bytes.ts'

for (const partitions of [1, 3, 12]) {
  test(`a commit of a group on ${partitions} partitions takes at most 61 bytes and 75 per partition that moved`, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tidemark-commit-'))
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
    const tide = await open(directory)
    const topic = tide.topic('payments', { partitions })
    const keys = Array.from({ length: 6_000 }, (_, index) => `card-${index}`)
    await topic.sendBatch(keys.map((key) => ({ key, value: Buffer.from('x') })))
    for await (const record of topic.consume({ group: 'fraud', follow: false })) record.offset
    await tide.close()
    const batches = commitBatches(directory)
    expect(batches.length).toBeGreaterThan(0)
    for (const batch of batches) expect(batch.sizeBytes).toBeLessThanOrEqual(61 + 75 * batch.recordCount)
  })
}
