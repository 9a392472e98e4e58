/**
 * Less than Kafka allows (4,096), so that a reset has room to keep the text of the commit it replaces: quotes in it take
 * two characters there.
 */
export const ATTEMPTS_METADATA_MAX_LENGTH = 2_048

/** `{"tidemark":"attempts","of":{}}`. */
const FRAME_LENGTH = 31

/**
 * What stands beside a committed offset while records are tried again: `{"tidemark":"attempts","of":{"1851":2}}`, the
 * attempts begun of each. Of more records than fit those with the most attempts are kept. '' where there are none.
 */
export function attemptsMetadata(attempts: ReadonlyMap<number, number>): string {
  if (attempts.size === 0) return ''
  const byAttempts = [...attempts].sort(
    ([oneOffset, one], [otherOffset, other]) => other - one || oneOffset - otherOffset,
  )
  let length = FRAME_LENGTH
  const kept = byAttempts.filter(([offset, count]) => {
    length += `"${offset}":${count},`.length
    return length <= ATTEMPTS_METADATA_MAX_LENGTH
  })
  return JSON.stringify({ tidemark: 'attempts', of: Object.fromEntries(kept) })
}

/** The attempts that such a text tells; none of any other text. */
export function parseAttemptsMetadata(metadata: string): Map<number, number> {
  const attempts = new Map<number, number>()
  if (!metadata.startsWith('{')) return attempts
  for (const [offset, count] of entriesOf(metadata)) {
    const isValid = /^\d{1,16}$/.test(offset) && Number.isSafeInteger(count) && (count as number) > 0
    if (isValid) attempts.set(Number(offset), count as number)
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
