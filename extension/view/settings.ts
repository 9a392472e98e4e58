import { workspace } from 'vscode'

/** What may be turned off as a whole. Notifications are off unless asked for. */
export function isWanted(what: 'badge' | 'statusBar' | 'notifications'): boolean {
  return workspace.getConfiguration('tidemark').get(`${what}.enabled`, what !== 'notifications')
}
