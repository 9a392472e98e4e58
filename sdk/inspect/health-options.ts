import { checkOptions, milliseconds, type OptionKinds, text, wholeNumber } from '../client/option-check.ts'
import type { JudgeOptions } from './group-judge.ts'
import { DEFAULT_HEALTH_LIMITS, type HealthLimits } from './health-verdict.ts'

/** Whose health is asked for, and when rules speak up. */
export interface HealthOptions extends Partial<HealthLimits> {
  /** Default: every group. */
  readonly group?: string | undefined
  /** How far to look back for rates and trends, in milliseconds. Default 600,000. */
  readonly windowMs?: number | undefined
  /** How far to look back for commits and for members that came and went, in milliseconds. Default 3,600,000. */
  readonly historyMs?: number | undefined
}

const DEFAULTS = { windowMs: 600_000, historyMs: 3_600_000 } as const

const KINDS: OptionKinds<HealthOptions> = {
  group: text,
  windowMs: milliseconds(1),
  historyMs: milliseconds(1),
  stalledAfterMs: milliseconds(0),
  noMembersAfterMs: milliseconds(0),
  behindAfterMs: milliseconds(0),
  rebalancingAfterMs: milliseconds(0),
  stuckAfterTries: wholeNumber(1),
  retentionPart: {
    expected: 'a number from 0 to 1',
    accepts: (value) => typeof value === 'number' && value >= 0 && value <= 1,
  },
}

/** On which terms groups are judged: what was asked for, and defaults. @throws {TidemarkError} INVALID_ARGUMENT */
export function healthTerms(call: string, options: HealthOptions): JudgeOptions {
  checkOptions(call, options, KINDS)
  const { group: _, windowMs = DEFAULTS.windowMs, historyMs = DEFAULTS.historyMs, ...given } = options
  const named = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
  return { limits: { ...DEFAULT_HEALTH_LIMITS, ...named }, windowMs, historyMs }
}
