/**
 * Names of tree rows, unique in the whole view. Group ids may hold any character, so the parts are written as JSON: no
 * separator can be mistaken for a part of a name.
 */
export type RowKind = 'source' | 'group' | 'topic' | 'partition'

export function rowId(kind: RowKind, ...parts: readonly (string | number)[]): string {
  return JSON.stringify([kind, ...parts])
}
