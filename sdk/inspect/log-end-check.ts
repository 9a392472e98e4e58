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

/** Does the log reach as far, and begin as early, as the checkpoints and the metadata log say? */
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
      whatToDo:
        'A file was cut or replaced by an older copy: restore the partition. Groups that had read further will be told so.',
    })
  }
  if (logStartOffset > logEndOffset) {
    findings.add(directoryName, {
      severity: 'damage',
      rule: 'log-end',
      what: `The log ends at offset ${logEndOffset}, before it begins: log-start-offset-checkpoint says ${logStartOffset}.`,
      whatABrokerWouldCut: `All of it: it starts an empty log at offset ${logStartOffset}.`,
      whatToDo: 'Do not open it for writing. Restore the partition, or that checkpoint, from a copy.',
    })
  }
  if (expected !== undefined && lastEpoch > expected.leaderEpoch) {
    findings.add(directoryName, {
      severity: 'warning',
      rule: 'leader-epoch',
      what: `Batches have leader epoch ${lastEpoch}, but the metadata log only knows ${expected.leaderEpoch}.`,
      whatToDo: 'Restore __cluster_metadata-0 together with the partition: one of them is an older copy.',
    })
  }
}
