import { CLUSTER_METADATA_TOPIC } from '../directory/partition-directory.ts'
import { LEADER_EPOCH_CHECKPOINT } from '../log/leader-epochs.ts'
import type { BatchSequence } from './batch-sequence.ts'
import type { Findings } from './finding.ts'
import type { PartitionFacts } from './partition-check.ts'
import type { LogOutcome } from './unreadable-finding.ts'

export interface LogEndQuestion {
  readonly facts: PartitionFacts
  readonly log: LogOutcome
  readonly sequence: BatchSequence
  readonly lastEpoch: number
  readonly findings: Findings
}

/** Does the log reach as far as the checkpoints and the metadata log say? */
export function checkLogEnd({ facts, log, sequence, lastEpoch, findings }: LogEndQuestion): void {
  const { recoveryPoint = 0, highWatermark = 0, logStartOffset = 0, directoryName, expected } = facts
  const { logEndOffset } = log
  const flushedTo = Math.max(recoveryPoint, highWatermark)
  // An unreadable tail has already been reported with what is lost.
  const isTailReported = sequence.unreadable.some(
    (bytes) => bytes.toOffset === null && bytes.fromOffset < recoveryPoint,
  )
  if (flushedTo > logEndOffset && !isTailReported) {
    findings.add(directoryName, {
      severity: 'damage',
      rule: 'log-end',
      offsetsLost: { from: logEndOffset, to: flushedTo },
      what: `The log ends at offset ${logEndOffset}, but the checkpoints say that it reached ${flushedTo} and was flushed.`,
      whatABrokerWouldDo: `It does not notice, and gives offset ${logEndOffset} to the next record.`,
      whatToDo:
        'A file was cut or replaced by an older copy: restore the partition. Groups that had read further will be told so.',
    })
  }
  const isLonger = log.wasCleanShutdown && facts.recoveryPoint !== undefined && logEndOffset > recoveryPoint
  if (isLonger && logEndOffset !== Number.POSITIVE_INFINITY) {
    findings.add(directoryName, {
      severity: 'warning',
      rule: 'log-end',
      offset: recoveryPoint,
      what: `The log ends at offset ${logEndOffset}, but ended at ${recoveryPoint} when the directory was closed in order.`,
      whatABrokerWouldDo: 'It does not notice, and takes what stands behind for flushed and checked.',
      whatToDo:
        'Find out who put records, a directory or a checkpoint from another time there. If the records are right, remove .kafka_cleanshutdown: the next opening then checks them.',
    })
  }
  if (logStartOffset > logEndOffset) {
    findings.add(directoryName, {
      severity: 'damage',
      rule: 'log-end',
      what: `The log ends at offset ${logEndOffset}, before it begins: log-start-offset-checkpoint says ${logStartOffset}.`,
      whatABrokerWouldDo: `It deletes all of it, and starts an empty log at offset ${logStartOffset}.`,
      whatToDo: 'Do not open it for writing. Restore the partition, or that checkpoint, from a copy.',
    })
  }
  if (expected !== undefined && lastEpoch > expected.leaderEpoch) {
    findings.add(directoryName, {
      severity: 'warning',
      rule: 'leader-epoch',
      what: `Batches have leader epoch ${lastEpoch}, but the metadata log only knows ${expected.leaderEpoch}.`,
      whatABrokerWouldDo: 'It does not notice; consumers that have seen the higher epoch may wait for ever.',
      whatToDo: 'Restore __cluster_metadata-0 together with the partition: one of them is an older copy.',
    })
  }
}

/**
 * Does the log begin as early as its checkpoints say? Retention moves both on, the checkpoints a little later, so only an
 * orderly stop leaves them in agreement. `epochStart`: where the first line of the leader epochs begins.
 */
export function checkLogStart(
  facts: PartitionFacts,
  log: LogOutcome,
  { firstOffset, epochStart }: { firstOffset: number | undefined; epochStart: number | undefined },
  findings: Findings,
): void {
  if (!log.wasCleanShutdown || facts.topic === CLUSTER_METADATA_TOPIC || firstOffset === undefined) return
  const start = Math.min(facts.logStartOffset ?? firstOffset, epochStart ?? firstOffset)
  if (start >= firstOffset) return
  const witness = start === facts.logStartOffset ? 'log-start-offset-checkpoint' : LEADER_EPOCH_CHECKPOINT
  findings.add(facts.directoryName, {
    severity: 'damage',
    rule: 'log-start',
    offsetsLost: { from: start, to: firstOffset },
    what: `The first segment begins at offset ${firstOffset}, but by ${witness} the log began at ${start} when the directory was closed in order: segments are gone.`,
    whatABrokerWouldDo: `It does not notice: the log begins at ${firstOffset}.`,
    whatToDo: 'Restore the partition from a copy, if these records are still wanted.',
  })
}
