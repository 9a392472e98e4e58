/** Numbers, sizes and times as people read them. English, like every text of the command line. */
const DIGITS = new Intl.NumberFormat('en')
const SIZE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const

/** 1204 → `1,204`. */
export function digits(value: number): string {
  return DIGITS.format(value)
}

/** `1 record`, `1,204 records`. */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${digits(count)} ${count === 1 ? noun : plural}`
}

/** 1536 → `1.5 KiB`. */
export function sizeWords(sizeBytes: number): string {
  let value = sizeBytes
  let unit = 0
  while (value >= 1024 && unit < SIZE_UNITS.length - 1) {
    value /= 1024
    unit += 1
  }
  const text = unit === 0 || value >= 100 ? digits(Math.round(value)) : value.toFixed(1)
  return `${text} ${SIZE_UNITS[unit]}`
}

/** How long ago, coarse: `just now`, `12 s ago`, `3 h ago`. */
export function agoWords(thenMs: number, nowMs: number): string {
  const seconds = Math.floor((nowMs - thenMs) / 1000)
  if (seconds < 0) return 'in the future'
  if (seconds < 1) return 'just now'
  if (seconds < 60) return `${seconds} s ago`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`
  if (seconds < 2 * 86_400) return `${Math.floor(seconds / 3600)} h ago`
  return `${digits(Math.floor(seconds / 86_400))} days ago`
}
