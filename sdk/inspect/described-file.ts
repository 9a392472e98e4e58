import type { Environment } from '../environment/environment.ts'
import { TidemarkError } from '../errors.ts'
import type { FileKind } from './file-kind.ts'

/** A file to be described, and where it belongs. */
export interface DescribedFile {
  readonly environment: Environment
  readonly path: string
  /** Its own name, and its folder. */
  readonly name: string
  readonly folder: string
  readonly kind: FileKind
  /** By the folder's name; null elsewhere. */
  readonly topic: string | null
  readonly partition: number | null
  readonly records: boolean | undefined
  readonly signal: AbortSignal | undefined
}

/** For the `about` of a file that may stand anywhere: " of payments-0". */
export function ofPartition({ topic, partition }: DescribedFile): string {
  return topic === null ? '' : ` of ${topic}-${partition}`
}

/** @throws {TidemarkError} ABORTED */
export function checkNotAborted({ signal, path }: DescribedFile): void {
  if (signal?.aborted) throw new TidemarkError('ABORTED', `It was stopped before the end of ${path}.`)
}
