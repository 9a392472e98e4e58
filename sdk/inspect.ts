/**
 * Looks at directories without owning them.
 *
 * @module tidemark/inspect
 */

export { type Backup, type BackupOptions, type BackupProgress, backupDirectory } from './inspect/backup.ts'
export { type DescribeFileOptions, describeFile } from './inspect/describe-file.ts'
export type { FileKind } from './inspect/file-kind.ts'
export type {
  BatchRow,
  EntryRow,
  Fields,
  FieldValue,
  FileHeadRow,
  FileRow,
  ProblemRow,
  RecordMeaning,
  RecordRow,
} from './inspect/file-row.ts'
export type { Departure } from './inspect/group-activity.ts'
export {
  type GroupProgress,
  type LagTrend,
  type OffsetSample,
  type ProgressQuestion,
  progressOf,
  progressOfGroup,
} from './inspect/group-progress.ts'
export { type GroupFacts, type HealthContext, judgeGroup, type PartitionFacts } from './inspect/health-rules.ts'
export { DEFAULT_HEALTH_LIMITS, worstOf } from './inspect/health-verdict.ts'
export type { DepartureFacts } from './inspect/stuck-tries.ts'
export {
  type Finding,
  type FindingRule,
  type Severity,
  type VerifyOptions,
  type VerifyProgress,
  verifyDirectory,
} from './inspect/verify.ts'
