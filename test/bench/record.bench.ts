/** How long a record takes to encode, to walk and to check: `node test/bench/record.bench.ts [records]`. */
import { BatchBuilder } from '../../sdk/record/batch-builder.ts'
import { crc32cImplementation } from '../../sdk/record/crc32c.ts'
import { RecordBatch } from '../../sdk/record/record-batch.ts'

const RECORDS_PER_BATCH = 1000
const TIMESTAMP_MS = 1_700_000_000_000

/** Nanoseconds per record, median of five passes, for values of `valueBytes`. */
export interface RecordFigures {
  readonly valueBytes: number
  /** `append` only. */
  readonly append: number
  /** `append`, `build` (with CRC) and `reset`. */
  readonly encode: number
  /** A cursor over a batch already checked. */
  readonly walk: number
  /** CRC check and cursor. */
  readonly checkAndWalk: number
  /** Records as objects, after the CRC check. */
  readonly records: number
  /** Depends on every byte that was walked: what was measured was done. */
  readonly checksum: number
}

export function benchRecord(count: number, valueBytes: number): RecordFigures {
  const batches = Math.max(1, Math.round(count / RECORDS_PER_BATCH))
  const keys = Array.from({ length: RECORDS_PER_BATCH }, (_, index) => Buffer.from(`key-${index}`))
  const values = keys.map((_, index) => Buffer.alloc(valueBytes, index))
  const builder = new BatchBuilder()
  let checksum = 0

  const append = () => {
    builder.reset()
    for (let index = 0; index < RECORDS_PER_BATCH; index++) {
      builder.append(keys[index]!, values[index]!, undefined, TIMESTAMP_MS + index)
    }
  }
  append()
  const bytes = builder.build()
  const checked = new RecordBatch(bytes)
  checked.checkValid()
  const walk = (batch: RecordBatch) => {
    const cursor = batch.cursor()
    while (cursor.next()) checksum = (checksum + cursor.valueStart + cursor.keyEnd + cursor.offset) | 0
  }
  const perRecord = (pass: () => void) => medianNs(batches, pass) / RECORDS_PER_BATCH

  return {
    valueBytes,
    append: perRecord(append),
    encode: perRecord(() => {
      append()
      checksum = (checksum + builder.build().length) | 0
    }),
    walk: perRecord(() => walk(checked)),
    checkAndWalk: perRecord(() => walk(new RecordBatch(bytes))),
    records: perRecord(() => {
      checksum = (checksum + new RecordBatch(bytes).records().length) | 0
    }),
    checksum,
  }
}

function medianNs(repeats: number, pass: () => void): number {
  const times: number[] = []
  for (let round = 0; round < 6; round++) {
    const start = process.hrtime.bigint()
    for (let repeat = 0; repeat < repeats; repeat++) pass()
    if (round > 0) times.push(Number(process.hrtime.bigint() - start) / repeats)
  }
  return times.sort((a, b) => a - b)[2]!
}

if (import.meta.main) {
  const count = Number(process.argv[2] ?? 1_000_000)
  console.log(`${count} records, ns per record, CRC by ${crc32cImplementation}, Node ${process.version}`)
  console.table([100, 1024].map((valueBytes) => benchRecord(count, valueBytes)))
}
