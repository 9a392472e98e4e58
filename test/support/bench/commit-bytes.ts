import { mkdtempDisposableSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RECORD_TYPES } from '../../../sdk/offsets/record-key.ts'
import { scanBatches } from '../../../sdk/record/batch-scan.ts'
import type { RecordBatch } from '../../../sdk/record/record-batch.ts'
import { openTidemark } from './tidemark.ts'
import { Values } from './values.ts'

/** What remembering costs: bytes of commits per byte of 1 KiB records that a group read, at the defaults. */
export async function measureCommitBytes(records: number): Promise<void> {
  console.log('\nCommit bytes ÷ data bytes, 1 KiB values, defaults')
  for (const partitions of [1, 3, 12]) {
    const share = await commitShare(partitions, records)
    console.log(`  ${String(partitions).padStart(2)} partitions  ${(100 * share).toFixed(4)} %`)
  }
}

async function commitShare(partitions: number, records: number): Promise<number> {
  using folder = mkdtempDisposableSync(join(tmpdir(), 'tidemark-bench-'))
  const tide = await openTidemark(folder.path)
  const topic = tide.topic('payments', { partitions })
  const values = new Values(1024)
  for (let sent = 0; sent < records; sent += 1_000) {
    await topic.sendBatch(
      Array.from({ length: 1_000 }, (_, index) => ({ key: `card-${sent + index}`, value: values.at(index) })),
    )
  }
  for await (const record of topic.consume({ group: 'fraud', follow: false })) record.bytes
  await tide.close()
  const commits = commitBatches(join(folder.path, 'data')).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  const share = commits / logBytes(join(folder.path, 'data'), 'payments-')
  return share
}

/** The batches of `__consumer_offsets` that hold commits; the others say who joined and left. */
export function commitBatches(directory: string): RecordBatch[] {
  return logFiles(directory, '__consumer_offsets-').flatMap((file) => {
    const { batches } = scanBatches(readFileSync(file), { verify: 'crc' })
    return batches.filter((batch) => batch.records()[0]?.key?.readInt16BE(0) === RECORD_TYPES.OffsetCommit)
  })
}

function logBytes(directory: string, prefix: string): number {
  return logFiles(directory, prefix).reduce((sum, file) => sum + statSync(file).size, 0)
}

function logFiles(directory: string, prefix: string): string[] {
  return readdirSync(directory)
    .filter((name) => name.startsWith(prefix))
    .flatMap((name) => readdirSync(join(directory, name)).map((file) => join(directory, name, file)))
    .filter((file) => file.endsWith('.log'))
}
