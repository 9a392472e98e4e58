import { t } from '@vscode/l10n'
import type { ConnectedProcess, DescribeClusterResponse } from 'tidemark'
import type { QuantityWords } from './quantity-words.ts'

/** Who has a directory open, each with what it is there: its owner first, then those that work through it. */
export function processWords({ owner, neighbours }: DescribeClusterResponse, words: QuantityWords, nowMs: number) {
  if (owner === null) return []
  return [
    entry(owner, neighbours === null ? t('owner; it cannot be asked who else is connected') : t('owner')),
    ...(neighbours ?? []).map((neighbour) => entry(neighbour, t('works through the owner'))),
  ]

  function entry({ pid, clientId, sinceMs }: ConnectedProcess, role: string) {
    return {
      pid,
      label: pid === null ? t('a process') : t('process {0}', pid),
      description: clientId === null ? role : `${clientId} · ${role}`,
      detail: sinceMs === null ? undefined : t('opened {0}', words.age(sinceMs, nowMs)),
    }
  }
}
