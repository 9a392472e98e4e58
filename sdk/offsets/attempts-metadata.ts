/**
 * Less than Kafka allows (4,096), so that a reset has room to keep the text of the commit it replaces: quotes in it take
 * two characters there.
 */
export const ATTEMPTS_METADATA_MAX_LENGTH = 2_048

/** `{"tidemark":"attempts","of":{}}`. */
const FRAME_LENGTH = 31

/** Of one record. */
export interface NotedAttempts {
  /** Attempts begun. */
  readonly count: number
  /** Otherwise the last of them is under way. Where nobody is at work any more, the process did not survive it. */
  readonly hasFailed: boolean
}

/**
 * What stands beside a committed offset while records are tried again: `{"tidemark":"attempts","of":{"1851":2,"1860":-1}}`,
 * the attempts begun of each, negative where none has failed yet. Of more records than fit those are kept, and then those
 * with the most attempts. '' where there are none.
 */
export function attemptsMetadata(attempts: ReadonlyMap<number, NotedAttempts>): string {
  if (attempts.size === 0) return ''
  const weight = ({ count, hasFailed }: NotedAttempts) => (hasFailed ? count : Number.MAX_SAFE_INTEGER)
  const byWeight = [...attempts].sort(
    ([oneOffset, one], [otherOffset, other]) => weight(other) - weight(one) || oneOffset - otherOffset,
  )
  let length = FRAME_LENGTH
  const kept = byWeight.flatMap(([offset, { count, hasFailed }]) => {
    const signed = hasFailed ? count : -count
    length += `"${offset}":${signed},`.length
    return length <= ATTEMPTS_METADATA_MAX_LENGTH ? [[offset, signed] as const] : []
  })
  return JSON.stringify({ tidemark: 'attempts', of: Object.fromEntries(kept) })
}

/** The attempts that such a text tells; none of any other text. */
export function parseAttemptsMetadata(metadata: string): Map<number, NotedAttempts> {
  const attempts = new Map<number, NotedAttempts>()
  if (!metadata.startsWith('{')) return attempts
  for (const [offset, signed] of entriesOf(metadata)) {
    if (!/^\d{1,16}$/.test(offset) || !Number.isSafeInteger(signed) || signed === 0) continue
    const count = signed as number
    attempts.set(Number(offset), { count: Math.abs(count), hasFailed: count > 0 })
  }
  return attempts
}

function entriesOf(metadata: string): [string, unknown][] {
  try {
    const { tidemark, of } = JSON.parse(metadata) as { readonly tidemark?: unknown; readonly of?: unknown }
    return tidemark === 'attempts' && typeof of === 'object' && of !== null ? Object.entries(of) : []
  } catch {
    return []
  }
}
