import type { GroupHealth } from '../inspect/group-health.ts'
import type { GroupProgress } from '../inspect/group-progress.ts'
import { spanWords } from '../inspect/health-rules.ts'
import type { HealthSeverity, HealthStatus } from '../inspect/health-verdict.ts'
import { digits } from './plain-words.ts'
import type { Style } from './style.ts'

export const PAINTS: Readonly<Record<HealthSeverity, (style: Style) => (text: string) => string>> = {
  error: (style) => style.red,
  warning: (style) => style.yellow,
  notice: (style) => style.dim,
}

export function statusWords(status: HealthStatus, style: Style): string {
  return status === 'ok' ? style.green(status) : PAINTS[status](style)(status)
}

/** Records a second, as many digits as say something. */
function rateWords(rate: number | null): string {
  if (rate === null) return '-'
  return `${rate >= 10 || rate === 0 ? digits(Math.round(rate)) : rate.toFixed(1)}/s`
}

/** Records that wait for the whole group. */
export function recordsBehind({ partitions }: GroupHealth): number {
  return partitions.reduce((total, { row }) => total + (row.lagRecords ?? row.lag ?? 0), 0)
}

/** Age of the oldest record that waits, speed, trend, and when it has caught up; "-" where it cannot be told. */
export function progressWords({ timeLagMs, processedPerSecond, trend, etaMs }: GroupProgress): string[] {
  return [
    timeLagMs === null ? '-' : spanWords(timeLagMs),
    rateWords(processedPerSecond),
    trend === 'unknown' ? '-' : trend,
    etaMs === null ? '-' : spanWords(etaMs),
  ]
}
