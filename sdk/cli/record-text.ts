import { bytesToJson } from '../client/bytes-json.ts'
import type { Style } from './style.ts'
import { withoutControls } from './table.ts'

interface RecordParts {
  readonly timestampMs: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: readonly { readonly key: string; readonly value: Uint8Array | null }[]
}

/** Time, key, value, headers: one line, whatever is in them. `place`: what stands before them. */
export function recordLine(place: string, { timestampMs, key, value, headers }: RecordParts, style: Style): string {
  const parts = [style.dim(place), style.dim(timeText(timestampMs))]
  if (key !== null) parts.push(style.bold(bytesText(key)))
  parts.push(value === null ? style.dim('null') : bytesText(value))
  for (const header of headers) {
    parts.push(style.dim(`${withoutControls(header.key)}=${header.value === null ? 'null' : bytesText(header.value)}`))
  }
  return parts.join('  ')
}

/** Any number that stands in a file: not all of them are times. */
export function timeText(timestampMs: number): string {
  if (timestampMs < 0) return 'no time'
  const date = new Date(timestampMs)
  return Number.isNaN(date.getTime()) ? String(timestampMs) : date.toISOString()
}

/** Text, or base64 where it is none; in one line. */
export function bytesText(data: Uint8Array): string {
  const shown = bytesToJson(data)
  return typeof shown === 'string' ? withoutControls(shown) : `base64:${shown?.base64}`
}
