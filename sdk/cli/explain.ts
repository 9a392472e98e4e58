import { TidemarkError } from '../errors.ts'
import type { ExitCode } from './command.ts'
import { UsageError } from './usage-error.ts'

/** Errors that mean "you typed something that is not there or not valid": the command was used wrongly. */
const WRONG_USE_CODES: ReadonlySet<string> = new Set([
  'NOT_A_DATA_DIRECTORY',
  'INVALID_ARGUMENT',
  'UNKNOWN_TOPIC',
  'TOPIC_EXISTS',
  'INVALID_TOPIC',
  'INVALID_PARTITIONS',
  'INVALID_CONFIG',
  'INVALID_GROUP_ID',
  'GROUP_NOT_FOUND',
])

/** What to print for an error, and with which code to end. Only our own bugs show a stack. */
export function explain(error: unknown): { readonly message: string; readonly exitCode: ExitCode } {
  // What came first; that closing failed after it, too, would hide it.
  if (error instanceof SuppressedError) return explain(error.suppressed)
  if (error instanceof UsageError) return { message: error.message, exitCode: 2 }
  if (error instanceof TidemarkError) {
    return { message: error.message, exitCode: WRONG_USE_CODES.has(error.code) ? 2 : 1 }
  }
  if (error instanceof Error) {
    const isFromSystem = 'code' in error && 'syscall' in error
    return { message: isFromSystem ? error.message : (error.stack ?? error.message), exitCode: 1 }
  }
  return { message: String(error), exitCode: 1 }
}
