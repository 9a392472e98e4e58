import type { Environment } from '../environment/environment.ts'

/** What every check of one directory shares. */
export interface CheckContext {
  readonly environment: Environment
  /** Absolute. */
  readonly directory: string
  /** The marker of an orderly stop was there. */
  readonly wasCleanShutdown: boolean
  /** Bytes, batches and records checked since the last call. */
  readonly progress: (bytes: number, batches: number, records: number) => void
  readonly signal: AbortSignal | undefined
}
