import { assert } from '../assert.ts'
import { TidemarkError } from '../errors.ts'
import { ByteReader } from '../record/byte-reader.ts'
import { ByteWriter } from '../record/byte-writer.ts'
import { METADATA_SCHEMAS, type MetadataRecord } from './metadata-record.ts'
import {
  lowestVersion,
  readPartition,
  readPartitionChange,
  writePartition,
  writePartitionChange,
} from './partition-record-codec.ts'

/** Every value of the metadata log begins with it. */
const FRAME_VERSION = 1

type KnownType = keyof typeof METADATA_SCHEMAS
type KnownRecord = Exclude<MetadataRecord, { type: 'Unknown' }>

const TYPE_BY_API_KEY: ReadonlyMap<number, KnownType> = new Map(
  (Object.keys(METADATA_SCHEMAS) as KnownType[]).map((type) => [METADATA_SCHEMAS[type].apiKey, type]),
)

/**
 * Reads the value of a record of `__cluster_metadata`. Record types that say nothing about topics come back as
 * `Unknown`. Throws CORRUPT_BATCH for damage and UNSUPPORTED where a newer Kafka wrote a known record in a new form.
 */
export function decodeMetadataRecord(value: Buffer | null): MetadataRecord {
  if (value === null) throw new TidemarkError('CORRUPT_BATCH', 'A record of the metadata log has no value.')
  const reader = new ByteReader(value, 'A record of the metadata log')
  const [frameVersion, apiKey, version] = [reader.uvarint(), reader.uvarint(), reader.uvarint()]
  if (frameVersion !== FRAME_VERSION) {
    throw new TidemarkError('UNSUPPORTED', `A record of the metadata log has the frame version ${frameVersion}, not 1.`)
  }
  const type = TYPE_BY_API_KEY.get(apiKey)
  if (type === undefined) return { type: 'Unknown', apiKey, version }
  const { maxVersion } = METADATA_SCHEMAS[type]
  if (version > maxVersion) {
    const message = `The metadata log has a ${type} record of version ${version}, up to ${maxVersion} is understood: a newer Kafka wrote it.`
    throw new TidemarkError('UNSUPPORTED', message)
  }
  const record = readFields(reader, type, version)
  reader.expectEnd()
  return record
}

/** The value of a metadata record, by default in the lowest version that can carry it. */
export function encodeMetadataRecord(record: KnownRecord, version: number = versionOf(record)): Buffer {
  const { apiKey, maxVersion } = METADATA_SCHEMAS[record.type]
  assert(version >= 0 && version <= maxVersion, `version ${version} of a ${record.type} record`)
  const writer = new ByteWriter(96).uvarint(FRAME_VERSION).uvarint(apiKey).uvarint(version)
  writeFields(writer, record, version)
  return writer.toBuffer()
}

function versionOf(record: KnownRecord): number {
  return record.type === 'Partition' || record.type === 'PartitionChange' ? lowestVersion(record) : 0
}

function readFields(reader: ByteReader, type: KnownType, version: number): MetadataRecord {
  switch (type) {
    case 'Partition':
      return readPartition(reader, version)
    case 'PartitionChange':
      return readPartitionChange(reader, version)
    case 'Topic':
      return closed(reader, { type, name: reader.compactString(), topicId: reader.uuid() })
    case 'Config':
      return closed(reader, {
        type,
        resourceType: reader.i8(),
        resourceName: reader.compactString(),
        name: reader.compactString(),
        value: reader.compactNullableString(),
      })
    case 'RemoveTopic':
      return closed(reader, { type, topicId: reader.uuid() })
    case 'FeatureLevel':
      return closed(reader, { type, name: reader.compactString(), level: reader.i16() })
    case 'ProducerIds':
      return closed(reader, { type, brokerId: reader.i32(), brokerEpoch: reader.i64(), nextProducerId: reader.i64() })
    case 'ClearElr':
      return closed(reader, { type, topic: reader.compactString() })
    case 'NoOp':
    case 'EndTransaction':
      return closed(reader, { type })
    case 'BeginTransaction':
      return { type, name: readText(reader) }
    case 'AbortTransaction':
      return { type, reason: readText(reader) }
  }
}

function writeFields(writer: ByteWriter, record: KnownRecord, version: number): void {
  switch (record.type) {
    case 'Partition':
      writePartition(writer, record, version)
      return
    case 'PartitionChange':
      writePartitionChange(writer, record, version)
      return
    case 'BeginTransaction':
      writeText(writer, record.name)
      return
    case 'AbortTransaction':
      writeText(writer, record.reason)
      return
    case 'Topic':
      writer.compactString(record.name).uuid(record.topicId)
      break
    case 'Config':
      writer.i8(record.resourceType).compactString(record.resourceName)
      writer.compactString(record.name).compactNullableString(record.value)
      break
    case 'RemoveTopic':
      writer.uuid(record.topicId)
      break
    case 'FeatureLevel':
      writer.compactString(record.name).i16(record.level)
      break
    case 'ProducerIds':
      writer.i32(record.brokerId).i64(record.brokerEpoch).i64(record.nextProducerId)
      break
    case 'ClearElr':
      writer.compactString(record.topic)
      break
    case 'NoOp':
    case 'EndTransaction':
  }
  writer.taggedFields()
}

/** The record, its tagged fields read and dropped: none of these has any that are known. */
function closed<T>(reader: ByteReader, record: T): T {
  reader.taggedFields()
  return record
}

/** The text in tag 0: the only field of a transaction's begin and abort. */
function readText(reader: ByteReader): string | null {
  const value = reader.taggedFields().get(0)
  return value === undefined ? null : new ByteReader(value, 'A transaction of the metadata log').compactNullableString()
}

function writeText(writer: ByteWriter, text: string | null): void {
  writer.taggedFields(text === null ? undefined : new Map([[0, new ByteWriter(64).compactString(text).toBuffer()]]))
}
