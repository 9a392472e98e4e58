/** `tidemark/inspect`: looking at directories without owning them. */

export {
  type Finding,
  type FindingRule,
  type Severity,
  type VerifyOptions,
  type VerifyProgress,
  verifyDirectory,
} from './inspect/verify.ts'
