import { t } from '@vscode/l10n'
import { TidemarkError } from 'tidemark'
import { window, workspace } from 'vscode'

/** Runs an action that changes a directory: only in a trusted workspace, with its failure explained. */
export async function guardChange(action: () => Promise<void>): Promise<void> {
  if (!workspace.isTrusted) {
    void window.showWarningMessage(t('This workspace is not trusted: nothing can be changed.'))
    return
  }
  try {
    await action()
  } catch (error) {
    await explain(error)
  }
}

/** Says what happened and what works instead. */
async function explain(error: unknown): Promise<void> {
  if (!(error instanceof Error)) throw error
  const isInUse = error instanceof TidemarkError && error.code === 'DIRECTORY_IN_USE'
  const detail = isInUse ? `${error.message.split('; ')[0]}.\n\n${waysThatWork()}` : error.message
  await window.showErrorMessage(t('Nothing was changed.'), { modal: true, detail })
}

function waysThatWork(): string {
  return t(
    'Two ways work: stop that program and do this again, or do it inside of it, with tide.groups.planReset(…) and apply().',
  )
}
