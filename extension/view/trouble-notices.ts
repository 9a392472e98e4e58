import { t } from '@vscode/l10n'
import { ConfigurationTarget, commands, type Disposable, window, workspace } from 'vscode'
import type { SourceSnapshot } from '../model/snapshot.ts'
import { groupTrouble } from '../model/tree-look.ts'
import { isWanted } from './settings.ts'
import type { Sources } from './sources.ts'

/** Tells once when a group turns bad, for those who asked for it. */
export class TroubleNotices implements Disposable {
  readonly #subscription: Disposable
  /** The groups that are bad already, by source. */
  readonly #known = new Map<string, ReadonlySet<string>>()

  constructor(sources: Sources) {
    this.#subscription = sources.onDidChange(() => {
      for (const { snapshot } of sources.all) this.#compare(snapshot)
    })
  }

  dispose(): void {
    this.#subscription.dispose()
  }

  #compare({ id, status, groups }: SourceSnapshot): void {
    if (status.kind !== 'read') return
    const bad = new Set(groups.filter((group) => groupTrouble(group) === 'error').map(({ group }) => group))
    const before = this.#known.get(id)
    this.#known.set(id, bad)
    // What was bad before anybody looked is in the tree; only a change is news.
    if (before === undefined || !isWanted('notifications')) return
    for (const group of bad) if (!before.has(group)) void tell(group)
  }
}

async function tell(group: string): Promise<void> {
  const open = t('Open')
  const never = t("Don't Show Again")
  const answer = await window.showWarningMessage(t('The group {0} is in trouble.', group), open, never)
  if (answer === open) await commands.executeCommand('tidemark.revealGroup', group)
  if (answer === never) {
    await workspace.getConfiguration('tidemark').update('notifications.enabled', false, ConfigurationTarget.Global)
  }
}
