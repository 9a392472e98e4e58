/** What the extension has done so far; for tests and for the log, so that a busy inspector cannot hide. */
export interface Statistics {
  /** Looks at data directories. */
  reads: number
  /** Rows drawn again. */
  drawnRows: number
}
