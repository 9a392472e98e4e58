import type { Environment, File } from '../environment/environment.ts'

const CHUNK_BYTES = 1024 * 1024

export interface CopyHooks {
  /** After every chunk. */
  readonly onBytes: (bytes: number) => void
  /** Called before every chunk; ends the copy by throwing. */
  readonly check: () => void
}

/**
 * Copies a file from byte `fromPosition` on, up to where it ends now, and flushes the copy. The event loop gets its turn
 * after every chunk. Returns how large the file was.
 */
export async function copyBytes(
  { files, timers }: Environment,
  source: File,
  target: string,
  options: { readonly fromPosition: number; readonly hooks: CopyHooks },
): Promise<number> {
  const { fromPosition, hooks } = options
  const end = source.sizeBytes()
  const copy = files.open(target, { write: true, create: true })
  try {
    copy.truncate(Math.min(fromPosition, end))
    const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, Math.max(0, end - fromPosition)))
    for (let position = fromPosition; position < end; ) {
      hooks.check()
      const count = source.read(chunk.subarray(0, Math.min(chunk.length, end - position)), position)
      // Cut meanwhile: what is there is the file.
      if (count === 0) break
      copy.write([chunk.subarray(0, count)], position)
      position += count
      hooks.onBytes(count)
      await timers.yield()
    }
    await copy.sync()
  } finally {
    copy.close()
  }
  return end
}
