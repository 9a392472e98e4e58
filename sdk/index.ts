/**
 * Topics in a directory, and groups that remember how far they got.
 *
 * @module tidemark
 */
export type {
  ConnectedProcess,
  DescribeClusterResponse,
  GroupDescription,
  GroupState,
  GroupType,
  Isolation,
  ListedGroup,
  MemberDescription,
  Survives,
  TopicMetadata,
  TopicPartition,
} from './broker/broker.ts'
export type { RecoveryNote } from './broker/recovery-note.ts'
export type { Attempt } from './client/attempt.ts'
export type { CaughtUpOptions } from './client/caught-up.ts'
export type { CommitOptions } from './client/committer.ts'
export type { ConsumeOptions, OnDamage } from './client/consume-options.ts'
export type { BatchesOptions, Consumer } from './client/consumer.ts'
export type { ConsumerStatus, PartitionStatus } from './client/consumer-status.ts'
export { type DeadLetter, type DeadLetterFacts, parseDeadLetter } from './client/dead-letter.ts'
export type { DeadLetters, DeadLettersOptions, ListedDeadLetter } from './client/dead-letters.ts'
export type { TopicDeclaration } from './client/declared-topic.ts'
export type {
  AttemptFailedEvent,
  CommitEvent,
  MovedEvent,
  PartitionsEvent,
  RoleEvent,
  SendEvent,
} from './client/diagnostics.ts'
export type { HistoryOptions, PartitionHistory } from './client/group-history.ts'
export type { GroupOffset, OffsetToCommit } from './client/group-offsets.ts'
export type {
  DeletedOffsets,
  GroupCommitOptions,
  Groups,
  RestoreOptions,
  UndoOptions,
} from './client/groups.ts'
export type { Handler } from './client/handler-run.ts'
export type { LagOptions, LagRow, WatchLagOptions } from './client/lag.ts'
export type { Logger } from './client/logger.ts'
export type { PartitionOffset, Position } from './client/position.ts'
export type { HeadersToSend, HeaderValue, RecordToSend, SentAll, SentBatch, SentRecord } from './client/producer.ts'
export type { ReadOptions } from './client/reading.ts'
export type { RecordReadable, StreamOptions } from './client/record-stream.ts'
export type { ApplyOptions, ResetChange, ResetPlan } from './client/reset-plan.ts'
export type { ResetScope } from './client/reset-planner.ts'
export type { ResetTarget } from './client/reset-target.ts'
export type { FailureAction, RetryOptions, RunOptions } from './client/run-options.ts'
export type { SentBack } from './client/sent-back.ts'
export { bytes, json, nullable, type Serde, string } from './client/serde.ts'
export { shutdownSignal } from './client/shutdown-signal.ts'
export type { StandardSchema } from './client/standard-schema.ts'
export type { WhenLost } from './client/start-positions.ts'
export type { Table, TableChange } from './client/table.ts'
export type { AnyTopic, RecordOf, Topic, TopicOptions } from './client/topic.ts'
export type { TopicBatch } from './client/topic-batch.ts'
export type { PatternOptions } from './client/topic-pattern.ts'
export type { TopicRecord } from './client/topic-record.ts'
export type { NewTopic, TopicConfigEntry, TopicDescription, Topics } from './client/topics.ts'
export type { Transaction, TransactionOptions } from './client/transaction.ts'
export type { TransactionBody } from './client/transactions.ts'
export { type ErrorCode, type ErrorPlace, type SentBefore, TidemarkError } from './errors.ts'
export type { GroupHealth, PartitionHealth } from './inspect/group-health.ts'
export type { GroupProgress, LagTrend } from './inspect/group-progress.ts'
export type { Health } from './inspect/health.ts'
export type { HealthOptions } from './inspect/health-options.ts'
export type {
  HealthLimits,
  HealthRule,
  HealthSeverity,
  HealthStatus,
  HealthVerdict,
} from './inspect/health-verdict.ts'
export type { Survey, SurveyedGroup } from './inspect/survey.ts'
export type { DamagedRange } from './log/damage.ts'
export type { CommitHistoryEntry } from './offsets/commit-history.ts'
export type { LagState } from './offsets/lag.ts'
export type { CommittedPosition } from './offsets/reset-metadata.ts'
export { type OpenOptions, open } from './open.ts'
export type { Header } from './record/header.ts'
export type { RecordHeader } from './record/record-cursor.ts'
export type { BytesTopicOptions, Tidemark } from './tidemark.ts'
