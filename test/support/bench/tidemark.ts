import { join } from 'node:path'
import { type OpenOptions, open, type Tidemark } from '../../../sdk/index.ts'
import { BATCH_RECORDS, type Values } from './values.ts'

export async function openTidemark(folder: string, options: OpenOptions = {}): Promise<Tidemark> {
  return await open(join(folder, 'data'), options)
}

/** Batches of 1,000, durable, the next one encoded while the previous is flushed. */
export async function tidemarkProduce(tide: Tidemark, values: Values, count: number): Promise<void> {
  const topic = tide.topic('records')
  let previous: Promise<unknown> = Promise.resolve()
  for (let sent = 0; sent < count; sent += BATCH_RECORDS) {
    const batch = Array.from({ length: BATCH_RECORDS }, (_, index) => ({ value: values.at(sent + index) }))
    const sending = topic.sendBatch(batch)
    await previous
    previous = sending
  }
  await previous
}

/** The group's progress is committed about every 1,000 records, as always. */
export async function tidemarkConsumeBatches(tide: Tidemark, group: string, limit?: number): Promise<number> {
  let sum = 0
  for await (const batch of tide.topic('records').consume({ group, follow: false, limit }).batches()) {
    for (const record of batch.records) sum += record.value[0] as number
  }
  return sum
}

export async function tidemarkConsumeRecords(tide: Tidemark, group: string, limit?: number): Promise<number> {
  let sum = 0
  for await (const record of tide.topic('records').consume({ group, follow: false, limit })) {
    sum += record.value[0] as number
  }
  return sum
}
