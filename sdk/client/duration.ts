import { TidemarkError } from '../errors.ts'

const UNITS_MS = [7 * 86_400_000, 86_400_000, 3_600_000, 60_000, 1000] as const
const ISO_8601 = /^P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:[.,]\d+)?)S)?)?$/i

/**
 * Milliseconds of a duration: a number of them, or ISO 8601 such as `PT30M` and `P1DT12H`. Years and months are refused,
 * as Kafka's tools refuse them: nobody can say how long they are. Throws INVALID_ARGUMENT.
 */
export function durationMs(duration: string | number): number {
  if (typeof duration === 'number') {
    if (Number.isFinite(duration) && duration >= 0) return duration
    throw new TidemarkError('INVALID_ARGUMENT', `A duration is a number of milliseconds from 0 on, not ${duration}.`)
  }
  const match = ISO_8601.exec(duration.trim())
  const parts = match?.slice(1) ?? []
  if (parts.every((part) => part === undefined) || /T$/i.test(duration.trim())) {
    const message = `"${duration}" is no duration. Write one as ISO 8601 does: PT30M (30 minutes), PT6H (6 hours), P7D (7 days), P1DT12H.`
    throw new TidemarkError('INVALID_ARGUMENT', message)
  }
  return parts.reduce((total, part, index) => {
    return total + (part === undefined ? 0 : Math.round(Number(part.replace(',', '.')) * UNITS_MS[index]!))
  }, 0)
}
