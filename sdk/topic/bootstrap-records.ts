import type { ControlRecord } from './control-record.ts'
import { encodeControlBatch, encodeMetadataBatch } from './metadata-batch.ts'
import type { MetadataRecord } from './metadata-record.ts'
import type { PartitionHome } from './topic-records.ts'

type Known<T> = Exclude<T, { type: 'Unknown' }>

/** `metadata.version` 25 is Kafka 4.0: every broker from 4.0 on starts with it, and can be upgraded from there. */
export const BOOTSTRAP_FEATURES: readonly Known<MetadataRecord>[] = [
  { type: 'FeatureLevel', name: 'metadata.version', level: 25 },
  { type: 'FeatureLevel', name: 'group.version', level: 1 },
  { type: 'FeatureLevel', name: 'transaction.version', level: 2 },
]

/** The Raft epoch of a log that no quorum has voted on yet. A broker that starts on it goes on with 1. */
export const BOOTSTRAP_RAFT_EPOCH = 0

/**
 * The two batches a fresh directory's `__cluster_metadata-0` begins with: the quorum of one voter, and the features.
 * With them a broker starts on the directory without having formatted it. A single voter is never asked for its
 * address, so the endpoint only has to be well-formed.
 *
 * @param features what takes the place of the default ones: those of a `bootstrap.checkpoint` that was never used.
 */
export function bootstrapBatches(
  home: PartitionHome,
  timestampMs: number,
  features: readonly Known<MetadataRecord>[] = BOOTSTRAP_FEATURES,
): [control: Buffer, features: Buffer] {
  const quorum = quorumRecords(home)
  const partitionLeaderEpoch = BOOTSTRAP_RAFT_EPOCH
  return [
    encodeControlBatch(quorum, timestampMs, { baseOffset: 0, partitionLeaderEpoch }),
    encodeMetadataBatch(features, timestampMs, { baseOffset: quorum.length, partitionLeaderEpoch }),
  ]
}

function quorumRecords({ nodeId, directoryId }: PartitionHome): Known<ControlRecord>[] {
  const voterId = { id: nodeId, directoryId: null }
  const endpoint = { name: 'CONTROLLER', host: 'localhost', port: 9093 }
  return [
    { type: 'LeaderChange', leaderId: nodeId, voters: [voterId], grantingVoters: [voterId] },
    { type: 'KRaftVersion', level: 1 },
    {
      type: 'KRaftVoters',
      voters: [{ id: nodeId, directoryId, endpoints: [endpoint], minVersion: 0, maxVersion: 1 }],
    },
  ]
}
