import type { LogRecord } from '../record/record-batch.ts'
import { type ControlRecord, decodeControlRecord } from '../topic/control-record.ts'
import type { RecordMeaning } from './file-row.ts'

/** What a record of a control batch says: the end of a transaction, or Raft's own affairs. */
export function controlMeaning({ key, value }: LogRecord, producerId: number): RecordMeaning {
  const record = decodeControlRecord(key, value)
  const { type, ...fields } = record
  return { type, words: wordsOf(record, producerId), key: null, value: JSON.parse(JSON.stringify(fields)) }
}

function wordsOf(record: ControlRecord, producerId: number): string {
  switch (record.type) {
    case 'Abort':
      return `producer ${producerId} aborts its transaction`
    case 'Commit':
      return `producer ${producerId} commits its transaction`
    case 'LeaderChange':
      return `node ${record.leaderId} leads, of ${record.voters.map(({ id }) => id).join(', ')}`
    case 'SnapshotHeader':
      return 'a snapshot begins'
    case 'SnapshotFooter':
      return 'the snapshot is whole'
    case 'KRaftVersion':
      return `kraft.version is ${record.level}`
    case 'KRaftVoters':
      return `voters are ${record.voters.map(({ id, directoryId }) => `${id} (${directoryId})`).join(', ')}`
    case 'Unknown':
      return `a control record of type ${record.controlType}, of a newer Kafka`
  }
}
