import { encodeBatch } from '../record/batch-builder.ts'
import type { RecordBatch } from '../record/record-batch.ts'
import { type ControlRecord, decodeControlRecord, encodeControlRecord } from './control-record.ts'
import type { MetadataRecord } from './metadata-record.ts'
import { decodeMetadataRecord, encodeMetadataRecord } from './metadata-record-codec.ts'

/** Offset and leader epoch of a batch, where the log does not stamp them. */
export interface BatchPlace {
  readonly baseOffset?: number
  readonly partitionLeaderEpoch?: number
}

/** One batch of the metadata log: it is applied whole or not at all. */
export function encodeMetadataBatch(
  records: readonly Exclude<MetadataRecord, { type: 'Unknown' }>[],
  timestampMs: number,
  place: BatchPlace = {},
): Buffer {
  const encoded = records.map((record) => ({ key: null, value: encodeMetadataRecord(record), timestampMs }))
  return encodeBatch(encoded, place)
}

export function encodeControlBatch(
  records: readonly Exclude<ControlRecord, { type: 'Unknown' }>[],
  timestampMs: number,
  place: BatchPlace = {},
): Buffer {
  const encoded = records.map((record) => ({ ...encodeControlRecord(record), timestampMs }))
  return encodeBatch(encoded, { ...place, isControl: true })
}

/** The records of a batch that is not a control batch. Throws CORRUPT_BATCH, UNSUPPORTED. */
export function decodeMetadataBatch(batch: RecordBatch): { offset: number; record: MetadataRecord }[] {
  return batch.records().map(({ offset, value }) => ({ offset, record: decodeMetadataRecord(value) }))
}

/** The records of a control batch. Throws CORRUPT_BATCH. */
export function decodeControlBatch(batch: RecordBatch): ControlRecord[] {
  return batch.records().map(({ key, value }) => decodeControlRecord(key, value))
}
