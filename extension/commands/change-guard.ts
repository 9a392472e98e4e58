import { t } from '@vscode/l10n'
import { commands, window, workspace } from 'vscode'

/**
 * Runs an action that changes a directory: only in a trusted workspace, with its failure explained. `inside`: what does the
 * same inside of a program that owns the directory.
 */
export async function guardChange(action: () => Promise<void>, inside: string): Promise<void> {
  if (!workspace.isTrusted) {
    const manage = t('Manage Workspace Trust')
    const answer = await window.showWarningMessage(t('This workspace is not trusted: nothing can be changed.'), manage)
    if (answer === manage) await commands.executeCommand('workbench.trust.manage')
    return
  }
  try {
    await action()
  } catch (error) {
    await explain(error, inside)
  }
}

/** Says what happened and what works instead. */
async function explain(error: unknown, inside: string): Promise<void> {
  if (!(error instanceof Error)) throw error
  const isInUse = 'code' in error && error.code === 'DIRECTORY_IN_USE'
  const detail = isInUse ? `${error.message.split('; ')[0]}.\n\n${waysThatWork(inside)}` : error.message
  await window.showErrorMessage(t('Nothing was changed.'), { modal: true, detail })
}

function waysThatWork(inside: string): string {
  return t('Two ways work: stop that program and do this again, or do it inside of it, with {0}.', inside)
}
