import { ConfigurationTarget, workspace } from 'vscode'
import { DEFAULT_LOOK, type TreeLook } from '../model/tree-look.ts'

const SECTION = 'tidemark.tree'

/** How the settings want the tree; the filter is no setting, it lasts as long as the window. */
export function lookOfSettings(filter: string): TreeLook {
  const settings = workspace.getConfiguration(SECTION)
  return {
    by: settings.get('groupBy', DEFAULT_LOOK.by),
    sort: settings.get('sortBy', DEFAULT_LOOK.sort),
    hideFinished: settings.get('hideFinished', DEFAULT_LOOK.hideFinished),
    filter,
  }
}

/** Remembers a choice, where the user keeps such settings: for the workspace if it has one already. */
export async function rememberLook(
  name: 'groupBy' | 'sortBy' | 'hideFinished',
  value: string | boolean,
): Promise<void> {
  const settings = workspace.getConfiguration(SECTION)
  const isOfWorkspace = settings.inspect(name)?.workspaceValue !== undefined
  await settings.update(name, value, isOfWorkspace ? ConfigurationTarget.Workspace : ConfigurationTarget.Global)
}
