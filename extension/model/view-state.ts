/** Why the view shows nothing: each cause has its own welcome text. '' where there is something to show. */
import type { SourceSnapshot } from './snapshot.ts'

export type EmptyCause = '' | 'searching' | 'noFolder' | 'noDirectory' | 'noGroups' | 'noMatch'

export function emptyCause(
  sources: readonly SourceSnapshot[],
  shownRows: number,
  workspace: { readonly hasFolder: boolean; readonly isSearched: boolean },
): EmptyCause {
  if (shownRows > 0) return ''
  if (sources.length === 0) {
    if (!workspace.isSearched) return 'searching'
    return workspace.hasFolder ? 'noDirectory' : 'noFolder'
  }
  if (sources.some(({ status }) => status.kind === 'reading')) return 'searching'
  return sources.some(({ groups }) => groups.length > 0) ? 'noMatch' : 'noGroups'
}
