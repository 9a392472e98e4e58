import type { OptionKind } from './option-check.ts'

/** Who is told what nobody awaits: `console`, or any logger with these three of its methods. */
export type Logger = Pick<Console, 'info' | 'warn' | 'error'>

export const logger: OptionKind = {
  expected: 'a logger with info, warn and error, such as console',
  accepts(value) {
    const { info, warn, error } = Object(value) as Partial<Logger>
    return [info, warn, error].every((each) => typeof each === 'function')
  },
}

/** After these something no longer works; after the others the program goes on as it should. */
const ERRORS = new Set([
  'TIDEMARK_CLOSE_FAILED',
  'TIDEMARK_COMMITS_DAMAGED',
  'TIDEMARK_DATA_LOST',
  'TIDEMARK_FLUSH_FAILED',
  'TIDEMARK_GROUPS_STOPPED',
])

/** Warnings as lines of a log. */
export function warningsTo(target: Logger): (message: string, code: string) => void {
  return (message, code) => {
    const line = `${message} [${code}]`
    if (ERRORS.has(code)) target.error(line)
    else target.warn(line)
  }
}
