import { FileDecoration, type FileDecorationProvider, ThemeColor, Uri } from 'vscode'
import type { TreeRow } from '../model/tree-row.ts'

const SCHEME = 'tidemark-row'

/** What decorates a row: its trouble is in the address, so that a change of it is a change of the address. */
export function decorationUri(row: TreeRow): Uri {
  return Uri.from({ scheme: SCHEME, authority: row.trouble, path: `/${encodeURIComponent(row.id)}` })
}

/** Colours the names of rows in trouble, and marks them with a letter: colour alone is not seen by everybody. */
export class RowDecorations implements FileDecorationProvider {
  provideFileDecoration(uri: Uri): FileDecoration | undefined {
    if (uri.scheme !== SCHEME) return undefined
    if (uri.authority === 'error') return new FileDecoration('!', undefined, new ThemeColor('list.errorForeground'))
    if (uri.authority === 'warning') return new FileDecoration('?', undefined, new ThemeColor('list.warningForeground'))
    return undefined
  }
}
