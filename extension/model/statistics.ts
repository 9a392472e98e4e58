/** What the extension has done so far; for tests, so that a busy inspector cannot hide. */
export interface Statistics {
  /** Looks at data directories. */
  reads: number
  /** Drawn rows that came to look otherwise. */
  changedRows: number
  /** Rows that VS Code drew, again and again. */
  drawnRows: number
}
