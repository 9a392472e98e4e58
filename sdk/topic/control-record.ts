import { TidemarkError } from '../errors.ts'
import { ByteReader } from '../record/byte-reader.ts'
import { ByteWriter } from '../record/byte-writer.ts'

/** What control batches hold: transaction markers in data logs, Raft's own records in the metadata log. */
export type ControlRecord =
  | { readonly type: 'Abort' | 'Commit'; readonly coordinatorEpoch: number }
  | {
      readonly type: 'LeaderChange'
      readonly leaderId: number
      readonly voters: readonly VoterId[]
      readonly grantingVoters: readonly VoterId[]
    }
  | { readonly type: 'SnapshotHeader'; readonly lastContainedLogTimestampMs: number }
  | { readonly type: 'SnapshotFooter' }
  | { readonly type: 'KRaftVersion'; readonly level: number }
  | { readonly type: 'KRaftVoters'; readonly voters: readonly Voter[] }
  /** Newer than this code; to be passed over. */
  | { readonly type: 'Unknown'; readonly controlType: number }

export interface VoterId {
  readonly id: number
  /** Only in version 1 of LeaderChange; null before. */
  readonly directoryId: string | null
}

export interface Voter {
  readonly id: number
  readonly directoryId: string
  readonly endpoints: readonly { readonly name: string; readonly host: string; readonly port: number }[]
  readonly minVersion: number
  readonly maxVersion: number
}

const TYPES = [
  'Abort',
  'Commit',
  'LeaderChange',
  'SnapshotHeader',
  'SnapshotFooter',
  'KRaftVersion',
  'KRaftVoters',
] as const

type KnownType = (typeof TYPES)[number]
type KnownControlRecord = Exclude<ControlRecord, { type: 'Unknown' }>

/** Reads a record of a control batch. Throws CORRUPT_BATCH; types it does not know come back as `Unknown`. */
export function decodeControlRecord(key: Buffer | null, value: Buffer | null): ControlRecord {
  if (key === null || value === null) {
    throw new TidemarkError('CORRUPT_BATCH', 'A control record has no key or no value.')
  }
  const keyReader = new ByteReader(key, 'The key of a control record')
  keyReader.i16()
  const controlType = keyReader.i16()
  const type = TYPES[controlType]
  if (type === undefined) return { type: 'Unknown', controlType }
  return readFields(new ByteReader(value, `A ${type} control record`), type)
}

export function encodeControlRecord(record: KnownControlRecord): { key: Buffer; value: Buffer } {
  const key = new ByteWriter(4).i16(0).i16(TYPES.indexOf(record.type)).toBuffer()
  const writer = new ByteWriter(64)
  if (record.type === 'LeaderChange') return { key, value: writeLeaderChange(writer, record).toBuffer() }
  writer.i16(0)
  switch (record.type) {
    case 'Abort':
    case 'Commit':
      return { key, value: writer.i32(record.coordinatorEpoch).toBuffer() }
    case 'SnapshotHeader':
      writer.i64(record.lastContainedLogTimestampMs)
      break
    case 'SnapshotFooter':
      break
    case 'KRaftVersion':
      writer.i16(record.level)
      break
    case 'KRaftVoters':
      writer.compactArray(record.voters, writeVoter)
  }
  return { key, value: writer.taggedFields().toBuffer() }
}

function readFields(reader: ByteReader, type: KnownType): ControlRecord {
  const version = reader.i16()
  switch (type) {
    case 'Abort':
    case 'Commit':
      return { type, coordinatorEpoch: reader.i32() }
    case 'LeaderChange': {
      const readId = (each: ByteReader): VoterId => readVoterId(each, version)
      return {
        type,
        leaderId: reader.i32(),
        voters: reader.compactArray(readId),
        grantingVoters: reader.compactArray(readId),
      }
    }
    case 'SnapshotHeader':
      return { type, lastContainedLogTimestampMs: reader.i64() }
    case 'SnapshotFooter':
      return { type }
    case 'KRaftVersion':
      return { type, level: reader.i16() }
    case 'KRaftVoters':
      return { type, voters: reader.compactArray(readVoter) }
  }
}

function readVoterId(reader: ByteReader, version: number): VoterId {
  const id = reader.i32()
  const directoryId = version >= 1 ? reader.uuid() : null
  reader.taggedFields()
  return { id, directoryId }
}

function readVoter(reader: ByteReader): Voter {
  const [id, directoryId] = [reader.i32(), reader.uuid()]
  const endpoints = reader.compactArray((each) => {
    const endpoint = { name: each.compactString(), host: each.compactString(), port: each.u16() }
    each.taggedFields()
    return endpoint
  })
  const [minVersion, maxVersion] = [reader.i16(), reader.i16()]
  // Two structs end here: the range of versions, and the voter.
  reader.taggedFields()
  reader.taggedFields()
  return { id, directoryId, endpoints, minVersion, maxVersion }
}

/** Version 1 where every voter has a directory id, as a dynamic quorum writes it; else version 0. */
function writeLeaderChange(writer: ByteWriter, record: KnownControlRecord & { type: 'LeaderChange' }): ByteWriter {
  const all = [...record.voters, ...record.grantingVoters]
  const version = all.length > 0 && all.every((voter) => voter.directoryId !== null) ? 1 : 0
  const writeId = (to: ByteWriter, voter: VoterId): void => {
    to.i32(voter.id)
    if (version === 1 && voter.directoryId !== null) to.uuid(voter.directoryId)
    to.taggedFields()
  }
  writer.i16(version).i32(record.leaderId)
  return writer.compactArray(record.voters, writeId).compactArray(record.grantingVoters, writeId).taggedFields()
}

function writeVoter(writer: ByteWriter, voter: Voter): void {
  writer.i32(voter.id).uuid(voter.directoryId)
  writer.compactArray(voter.endpoints, (to, endpoint) => {
    to.compactString(endpoint.name).compactString(endpoint.host).u16(endpoint.port).taggedFields()
  })
  writer.i16(voter.minVersion).i16(voter.maxVersion).taggedFields().taggedFields()
}
