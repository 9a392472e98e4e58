import type { OptionValues } from './option-values.ts'
import { UsageError } from './usage-error.ts'

/** Of commands that are about one group. */
export const GROUP_OPTION = {
  group: { type: 'string', short: 'g', valueName: 'NAME', description: 'the group (required)' },
} as const

/** @throws UsageError where it was not given */
export function requiredGroup(options: OptionValues): string {
  const group = options.text('group')
  if (group === undefined) throw new UsageError('--group is missing: which group?')
  return group
}
