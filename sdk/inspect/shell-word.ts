/** As it is typed in a POSIX shell, which must do nothing with what a name from a foreign directory holds. */
export function shellWord(text: string): string {
  return /^[\w.:@%+=/-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
