/** `tidemark/inspect`: looking at directories without owning them. */

export type {
  ResetBefore,
  ResetChange,
  ResetCommit,
  ResetPartition,
  ResetPlan,
  ResetTarget,
} from './inspect/reset-plan.ts'
export { planReset, resetCommits, resetMetadata } from './inspect/reset-plan.ts'
export {
  type Finding,
  type FindingRule,
  type Severity,
  type VerifyOptions,
  type VerifyProgress,
  verifyDirectory,
} from './inspect/verify.ts'
