import { ByteReader } from '../record/byte-reader.ts'
import { ByteWriter } from '../record/byte-writer.ts'
import type { PartitionChangeRecord, PartitionRecord } from './metadata-record.ts'

/** Log directories came with version 1, eligible leader replicas with version 2. */
const DIRECTORIES_SINCE = 1
const ELR_SINCE = 2

export function readPartition(reader: ByteReader, version: number): PartitionRecord {
  const partition = reader.i32()
  const topicId = reader.uuid()
  const [replicas, isr, removingReplicas, addingReplicas] = [ids(reader), ids(reader), ids(reader), ids(reader)]
  const [leader, leaderEpoch, partitionEpoch] = [reader.i32(), reader.i32(), reader.i32()]
  const directories = version >= DIRECTORIES_SINCE ? reader.compactArray((each) => each.uuid()) : []
  const tags = reader.taggedFields()
  return {
    type: 'Partition',
    partition,
    topicId,
    replicas,
    isr,
    removingReplicas,
    addingReplicas,
    leader,
    leaderRecoveryState: tag(tags, 0, (value) => value.i8()) ?? 0,
    leaderEpoch,
    partitionEpoch,
    directories,
    eligibleLeaderReplicas: version >= ELR_SINCE ? (tag(tags, 1, nullableIds) ?? []) : [],
    lastKnownElr: version >= ELR_SINCE ? (tag(tags, 2, nullableIds) ?? []) : [],
  }
}

export function readPartitionChange(reader: ByteReader, version: number): PartitionChangeRecord {
  const partition = reader.i32()
  const topicId = reader.uuid()
  const tags = reader.taggedFields()
  const leader = tag(tags, 1, (value) => value.i32())
  const leaderRecoveryState = tag(tags, 5, (value) => value.i8())
  return {
    type: 'PartitionChange',
    partition,
    topicId,
    isr: tag(tags, 0, nullableIds) ?? undefined,
    // The schema's words for "unchanged" are as good as absence.
    leader: leader === -2 ? undefined : leader,
    replicas: tag(tags, 2, nullableIds) ?? undefined,
    removingReplicas: tag(tags, 3, nullableIds) ?? undefined,
    addingReplicas: tag(tags, 4, nullableIds) ?? undefined,
    leaderRecoveryState: leaderRecoveryState === -1 ? undefined : leaderRecoveryState,
    eligibleLeaderReplicas: version >= ELR_SINCE ? (tag(tags, 6, nullableIds) ?? undefined) : undefined,
    lastKnownElr: version >= ELR_SINCE ? (tag(tags, 7, nullableIds) ?? undefined) : undefined,
    directories:
      version >= DIRECTORIES_SINCE
        ? (tag(tags, 8, (value) => value.compactNullableArray(uuid)) ?? undefined)
        : undefined,
  }
}

/** The lowest version that can carry the record; never 0 for a partition, whose directories a broker needs. */
export function lowestVersion(record: PartitionRecord | PartitionChangeRecord): number {
  if (record.type === 'Partition') {
    return record.eligibleLeaderReplicas.length + record.lastKnownElr.length > 0 ? ELR_SINCE : DIRECTORIES_SINCE
  }
  if (record.eligibleLeaderReplicas !== undefined || record.lastKnownElr !== undefined) return ELR_SINCE
  return record.directories !== undefined ? DIRECTORIES_SINCE : 0
}

export function writePartition(writer: ByteWriter, record: PartitionRecord, version: number): void {
  writer.i32(record.partition).uuid(record.topicId)
  for (const list of [record.replicas, record.isr, record.removingReplicas, record.addingReplicas]) {
    writeIds(writer, list)
  }
  writer.i32(record.leader).i32(record.leaderEpoch).i32(record.partitionEpoch)
  if (version >= DIRECTORIES_SINCE) writer.compactArray(record.directories, (to, id) => to.uuid(id))
  const tags = new Map<number, Buffer>()
  if (record.leaderRecoveryState !== 0)
    tags.set(
      0,
      bytes((to) => to.i8(record.leaderRecoveryState)),
    )
  if (version >= ELR_SINCE) {
    if (record.eligibleLeaderReplicas.length > 0) tags.set(1, idBytes(record.eligibleLeaderReplicas))
    if (record.lastKnownElr.length > 0) tags.set(2, idBytes(record.lastKnownElr))
  }
  writer.taggedFields(tags)
}

export function writePartitionChange(writer: ByteWriter, record: PartitionChangeRecord, version: number): void {
  const { leader, leaderRecoveryState, directories } = record
  const tags = new Map<number, Buffer>()
  const lists = [
    [0, record.isr],
    [2, record.replicas],
    [3, record.removingReplicas],
    [4, record.addingReplicas],
    [6, version >= ELR_SINCE ? record.eligibleLeaderReplicas : undefined],
    [7, version >= ELR_SINCE ? record.lastKnownElr : undefined],
  ] as const
  for (const [number, list] of lists) if (list !== undefined) tags.set(number, idBytes(list))
  if (leader !== undefined)
    tags.set(
      1,
      bytes((to) => to.i32(leader)),
    )
  if (leaderRecoveryState !== undefined)
    tags.set(
      5,
      bytes((to) => to.i8(leaderRecoveryState)),
    )
  if (directories !== undefined && version >= DIRECTORIES_SINCE) {
    tags.set(
      8,
      bytes((to) => to.compactArray(directories, (each, id) => each.uuid(id))),
    )
  }
  writer.i32(record.partition).uuid(record.topicId).taggedFields(tags)
}

function ids(reader: ByteReader): number[] {
  return reader.compactArray((each) => each.i32())
}

function nullableIds(reader: ByteReader): number[] | null {
  return reader.compactNullableArray((each) => each.i32())
}

function uuid(reader: ByteReader): string {
  return reader.uuid()
}

function writeIds(writer: ByteWriter, list: readonly number[]): void {
  writer.compactArray(list, (to, id) => to.i32(id))
}

function idBytes(list: readonly number[]): Buffer {
  return bytes((to) => writeIds(to, list))
}

function bytes(write: (writer: ByteWriter) => unknown): Buffer {
  const writer = new ByteWriter(32)
  write(writer)
  return writer.toBuffer()
}

function tag<T>(tags: ReadonlyMap<number, Buffer>, number: number, read: (value: ByteReader) => T): T | undefined {
  const value = tags.get(number)
  return value === undefined ? undefined : read(new ByteReader(value, `Tag ${number} of a partition record`))
}
