import { t } from '@vscode/l10n'
import type { GroupSnapshot } from './snapshot.ts'

/** What its members do, in one word or two. */
export function stateWords({ state }: GroupSnapshot): string {
  switch (state) {
    case 'Stable':
      return t('running')
    case 'Empty':
      return t('not running')
    case 'Dead':
      return t('gone')
    default:
      return t('rebalancing')
  }
}

export function isRunning({ state }: GroupSnapshot): boolean {
  return state !== 'Empty' && state !== 'Dead'
}
