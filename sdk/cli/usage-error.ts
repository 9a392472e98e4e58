/** The command line was used wrongly: exit status 2. The message says what to type instead. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
