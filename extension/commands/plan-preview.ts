import { t } from '@vscode/l10n'
import type { ResetPlan } from 'tidemark'
import { env, type QuickPickItem, QuickPickItemKind, window } from 'vscode'
import { changeNumbers, changeWords } from '../model/change-words.ts'
import type { QuantityWords } from '../model/quantity-words.ts'

/** A command line to copy instead of pressing the button. */
export interface OfferedLine {
  readonly label: string
  readonly line: string
}

interface PreviewItem extends QuickPickItem {
  readonly action?: 'apply' | 'copy'
  readonly line?: string
}

/**
 * Shows what a plan does, partition by partition, and asks twice: here, and by a dialog that cannot be overlooked.
 * Resolves with whether it is to be done.
 */
export async function previewPlan(
  title: string,
  plan: ResetPlan,
  lines: readonly OfferedLine[],
  words: QuantityWords,
): Promise<boolean> {
  const changed = plan.changes.filter(({ isUnchanged }) => !isUnchanged)
  if (changed.length === 0) {
    void window.showInformationMessage(t('There is nothing to change: {0} stands there already.', plan.group))
    return false
  }
  const count = changed.length === 1 ? t('1 partition') : t('{0} partitions', changed.length)
  const runs = runningWords(plan)
  const items: PreviewItem[] = [
    { label: t('$(check) Move {0} on {1}…', plan.group, count), action: 'apply' },
    ...lines.map(({ label, line }) => ({
      label: `$(copy) ${label}`,
      description: line,
      action: 'copy' as const,
      line,
    })),
    ...(runs === undefined ? [] : [{ label: `$(warning) ${runs}` }]),
    { label: t('before → after'), kind: QuickPickItemKind.Separator },
    ...plan.changes.map((change) => ({
      label: `${change.topic}-${change.partition}`,
      description: changeNumbers(change, words),
      detail: changeWords(change, words),
    })),
  ]
  const placeHolder = t('Nothing has been changed yet')
  const chosen = await window.showQuickPick(items, { title, placeHolder, matchOnDescription: true })
  if (chosen?.action === 'copy') {
    await env.clipboard.writeText(chosen.line ?? '')
    void window.showInformationMessage(t('Copied: {0}', chosen.line ?? ''))
    return false
  }
  if (chosen?.action !== 'apply') return false
  const summary = changed.map((change) => {
    return `${change.topic}-${change.partition}: ${changeNumbers(change, words)} (${changeWords(change, words)})`
  })
  const more = summary.length > 10 ? [t('and {0} more', summary.length - 10)] : []
  const detail = [...summary.slice(0, 10), ...more, ...(runs === undefined ? [] : ['', runs])].join('\n')
  const move = t('Move')
  return (
    (await window.showWarningMessage(
      t('Move the group {0} on {1}?', plan.group, count),
      { modal: true, detail },
      move,
    )) === move
  )
}

function runningWords({ members }: ResetPlan): string | undefined {
  if (members.length === 0) return undefined
  if (members.length === 1) return t('1 member is running. It stays in the group and goes on at the new place.')
  return t('{0} members are running. They stay in the group and go on at the new place.', members.length)
}
