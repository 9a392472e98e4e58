/**
 * The floor: the same encoder and checksum, one write and one fdatasync per batch with the next batch encoded meanwhile;
 * reading back, checking, and decoding each value to a view. No index, no segments, no locks, no iterator: a ceiling, not a product.
 */
import { closeSync, fdatasync, openSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { BatchBuilder } from '../../../sdk/record/batch-builder.ts'
import { RecordBatch } from '../../../sdk/record/record-batch.ts'
import { BATCH_RECORDS, type Values } from './values.ts'

const flush = promisify(fdatasync)
const READ_BYTES = 1024 * 1024

export async function floorProduce(folder: string, values: Values, count: number): Promise<void> {
  const file = openSync(join(folder, 'floor.log'), 'w')
  const builder = new BatchBuilder()
  let flushed: Promise<void> = Promise.resolve()
  for (let sent = 0; sent < count; sent += BATCH_RECORDS) {
    builder.reset()
    for (let index = 0; index < BATCH_RECORDS; index++) builder.append(null, values.at(sent + index), undefined, 1)
    const batch = builder.build({ baseOffset: sent })
    await flushed
    writeSync(file, batch)
    flushed = flush(file)
  }
  await flushed
  closeSync(file)
}

/**
 * Returns the sum over the first byte of every value, so that nobody can skip the reading. `fresh`: reads into a new
 * buffer each time, as whoever hands out views that live on has to; otherwise into the same one, warm in the cache.
 */
export function floorConsume(folder: string, options: { readonly fresh: boolean }): number {
  const file = openSync(join(folder, 'floor.log'), 'r')
  let buffer = Buffer.allocUnsafeSlow(READ_BYTES)
  let position = 0
  let sum = 0
  for (;;) {
    if (options.fresh) buffer = Buffer.allocUnsafeSlow(READ_BYTES)
    const length = readSync(file, buffer, 0, READ_BYTES, position)
    let at = 0
    while (at + 12 <= length) {
      const sizeBytes = 12 + buffer.readInt32BE(at + 8)
      if (at + sizeBytes > length) break
      const batch = new RecordBatch(buffer, at)
      batch.checkValid({ topic: 'floor', partition: 0 })
      const cursor = batch.cursor()
      while (cursor.next()) sum += (cursor.value() as Buffer)[0] as number
      at += sizeBytes
    }
    if (at === 0) break
    position += at
  }
  closeSync(file)
  return sum
}
