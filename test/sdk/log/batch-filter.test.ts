import { expect, test } from 'vitest'
import type { PartitionLog } from '../../../sdk/log/partition-log.ts'
import { type BatchBuilderOptions, type BuildOptions, encodeBatch } from '../../../sdk/record/batch-builder.ts'
import { appendEntries, batchesOf, COMPACTED, compact, entriesOf, entry, NOW_MS } from './support/compaction-bench.ts'
import { createPlace, openLog, type Place } from './support/log-bench.ts'

const EPOCH = { leaderEpoch: 0 }

function appendBatch(log: PartitionLog, texts: string[], options: BatchBuilderOptions & BuildOptions = {}): void {
  const records = texts.map((text) => entry(text, Date.now()))
  log.append(encodeBatch(records, options), EPOCH)
}

function marker(producerId: number, type: 0 | 1, producerEpoch = 0): Buffer {
  const record = { key: Buffer.from([0, 0, 0, type]), value: Buffer.from([0, 0, 0, 0, 0, 5]), timestampMs: NOW_MS }
  return encodeBatch([record], { isControl: true, isTransactional: true, producerId, producerEpoch })
}

/** What was appended since becomes a full segment. */
function rollOver(log: PartitionLog): void {
  const segments = log.segments().length
  while (log.segments().length === segments) appendEntries(log, `filler=${'.'.repeat(100)}`)
}

function createLog(place: Place = createPlace('memory')): PartitionLog {
  return openLog(place, COMPACTED)
}

test('the last batch of a living producer stays, empty, so that its next sequence is still known', async () => {
  const place = createPlace('memory')
  const log = createLog(place)
  appendBatch(log, ['a=1', 'b=1'], { producerId: 7, producerEpoch: 3, baseSequence: 40 })
  appendBatch(log, ['a=2', 'b=2'], { producerId: 7, producerEpoch: 3, baseSequence: 42 })
  appendEntries(log, 'a=3', 'b=3')
  rollOver(log)
  await compact(log)
  const [first, second] = batchesOf(log)
  expect(first).toMatchObject({ baseOffset: 2, lastOffset: 3, recordCount: 0, codec: 'none', baseTimestampMs: -1 })
  expect(first).toMatchObject({ producerId: 7, producerEpoch: 3, baseSequence: 42, partitionLeaderEpoch: 0 })
  expect(second).toMatchObject({ baseOffset: 4, recordCount: 2 })
  log.close()
  for (const name of place.environment.files.list(place.directory)) {
    if (name.endsWith('.snapshot')) place.environment.files.remove(`${place.directory}/${name}`)
  }
  const again = createLog(place)
  expect([...again['producers'].entries]).toMatchObject([{ producerId: 7, lastSequence: 43, lastOffset: 3 }])
})

test('a producer that is forgotten leaves nothing behind', async () => {
  const log = createLog()
  const record = entry('a=1', Date.now() - 2 * 86_400_000)
  log.append(encodeBatch([record], { producerId: 7, producerEpoch: 0, baseSequence: 0 }), EPOCH)
  appendEntries(log, 'a=2')
  rollOver(log)
  await compact(log)
  expect(batchesOf(log)[0]).toMatchObject({ baseOffset: 1 })
})

test('where everything goes the last batch of a segment stays, empty, so that it is known where the segment ends', async () => {
  const log = createLog()
  for (let n = 0; n < 3; n++) appendEntries(log, `k=${n}`)
  rollOver(log)
  const first = log.segments()[0]!
  appendEntries(log, 'k=last', 'filler=last')
  rollOver(log)
  await compact(log)
  const inFirst = batchesOf(log).filter((batch) => batch.baseOffset < first.endOffset)
  expect(inFirst.map(({ recordCount, nextOffset }) => [recordCount, nextOffset])).toEqual([[0, first.endOffset]])
  expect(log.segments()[0]).toMatchObject({ baseOffset: 0, endOffset: first.endOffset, sizeBytes: 61 })
})

test('segments that became small are merged, up to segment.bytes', async () => {
  const log = createLog()
  for (let n = 0; n < 40; n++) appendEntries(log, `k${n % 2}=${n}`)
  let { nextDirtyOffset } = await compact(log)
  const before = log.segments().length
  for (let n = 0; n < 40; n++) appendEntries(log, `other${n % 2}=${n}`)
  ;({ nextDirtyOffset } = await compact(log, nextDirtyOffset))
  const after = log.segments()
  expect(before).toBeGreaterThan(4)
  expect(after.filter(({ baseOffset }) => baseOffset < 40).length).toBeLessThan(before / 2)
  expect(after.every(({ sizeBytes }) => sizeBytes <= 600)).toBe(true)
  expect(nextDirtyOffset).toBe(after.at(-1)!.baseOffset)
})

test('data of aborted transactions goes; its marker gets a horizon once nothing is left, and goes behind it', async () => {
  const log = createLog()
  const transactional = { producerId: 9, producerEpoch: 0, baseSequence: 0, isTransactional: true }
  appendBatch(log, ['a=kept'])
  appendBatch(log, ['a=aborted', 'b=aborted'], transactional)
  log.append(marker(9, 0), EPOCH)
  appendBatch(log, ['c=committed'], { ...transactional, producerId: 10 })
  log.append(marker(10, 1), EPOCH)
  // A broker would have written this: the owner of a directory takes no transactions.
  const path = `${log.directory}/00000000000000000000.txnindex`
  const file = log['environment'].files.open(path, { write: true, create: true })
  const index = Buffer.alloc(34)
  for (const [field, value] of [9, 1, 3, 1].entries()) index.writeBigInt64BE(BigInt(value), 2 + field * 8)
  file.write([index], 0)
  file.close()
  rollOver(log)
  let { nextDirtyOffset } = await compact(log)
  expect(entriesOf(log).slice(0, 2)).toEqual(['0:a=kept', '4:c=committed'])
  const markers = () => batchesOf(log).filter((batch) => batch.isControl)
  expect(markers().map(({ baseOffset, deleteHorizonMs }) => [baseOffset, deleteHorizonMs])).toEqual([
    [3, null],
    [5, null],
  ])
  expect(log.abortedTransactions(0, 10)).toMatchObject([{ producerId: 9, firstOffset: 1, lastOffset: 3 }])
  log.config = { ...log.config, deleteRetentionMs: 0 }
  rollOver(log)
  ;({ nextDirtyOffset } = await compact(log, nextDirtyOffset))
  expect(markers().map(({ baseOffset, deleteHorizonMs }) => [baseOffset, deleteHorizonMs !== null])).toEqual([
    [3, true],
    [5, false],
  ])
  expect(log.abortedTransactions(0, 10)).toEqual([])
  rollOver(log)
  await compact(log, nextDirtyOffset)
  expect(markers().map(({ baseOffset }) => baseOffset)).toEqual([5])
  expect(entriesOf(log).slice(0, 2)).toEqual(['0:a=kept', '4:c=committed'])
})

test('nothing of an open transaction, nor behind its beginning, is compacted', async () => {
  const log = createLog()
  appendBatch(log, ['a=1', 'a=2'])
  rollOver(log)
  const { logEndOffset } = log
  appendBatch(log, ['b=1'], { producerId: 9, producerEpoch: 0, baseSequence: 0, isTransactional: true })
  rollOver(log)
  rollOver(log)
  await log.flush()
  expect(log.cleanable(undefined, NOW_MS).endOffset).toBeLessThanOrEqual(logEndOffset)
})

test('a batch keeps its codec and its LogAppendTime, one that Java wrote too', async () => {
  // Java wrote these: one record, k → v.
  const foreign = {
    snappy:
      '0000000000000000000000540000000002643b853c0002000000000000018bcfe568000000018bcfe56800ffffffffffffffffffffffffffff0000000182534e415050590000000001000000010000000f0d3018000000026b02760202680278',
    lz4: '00000000000000000000004d00000000028d022f8f0003000000000000018bcfe568000000018bcfe56800ffffffffffffffffffffffffffff0000000104224d186040820d00008018000000026b0276020268027800000000',
  }
  for (const [codec, hex] of Object.entries(foreign)) {
    const log = createLog()
    log.append(Buffer.from(hex, 'hex'), EPOCH)
    const untouched = Buffer.from(log.read(0, 1, { limit: 'logEndOffset' }))
    appendEntries(log, 'other=1')
    rollOver(log)
    const { nextDirtyOffset } = await compact(log)
    expect(log.read(0, 1, { limit: 'logEndOffset' }).subarray(0, untouched.length), codec).toEqual(untouched)
    appendEntries(log, 'k=newer')
    rollOver(log)
    await compact(log, nextDirtyOffset)
    expect(entriesOf(log), codec).not.toContain('0:k=v')
  }
  for (const codec of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
    const log = createLog()
    appendBatch(log, ['a=1', 'b=1'], { codec, timestampType: 'LogAppendTime', maxTimestampMs: 5000 })
    appendEntries(log, 'a=2')
    rollOver(log)
    await compact(log)
    const [first] = batchesOf(log)
    expect(first).toMatchObject({ codec, recordCount: 1, timestampType: 'LogAppendTime', maxTimestampMs: 5000 })
    expect(first!.records()).toMatchObject([{ offset: 1, timestampMs: 5000 }])
  }
})
