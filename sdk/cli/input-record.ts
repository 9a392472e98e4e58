import { UsageError } from './usage-error.ts'

/** A record as standard input describes it. */
export interface InputRecord {
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers?: readonly { readonly key: string; readonly value: Uint8Array | null }[]
  readonly partition?: number
  readonly timestampMs?: number
}

const FIELDS: ReadonlySet<string> = new Set(['key', 'value', 'headers', 'partition', 'timestampMs', 'offset'])

/** A line of text: the value, or key and value around the separator. */
export function recordFromLine(line: Buffer, separator: Buffer | undefined): InputRecord {
  if (separator === undefined) return { key: null, value: line }
  const at = line.indexOf(separator)
  if (at === -1) return { key: null, value: line }
  return { key: line.subarray(0, at), value: line.subarray(at + separator.length) }
}

/** A line of JSON, as `tidemark read --json` prints it; the offset in it is passed over. @throws UsageError */
export function recordFromJson(line: Buffer): InputRecord {
  const parsed = parseObject(line.toString('utf8'))
  const unknown = Object.keys(parsed).find((name) => !FIELDS.has(name))
  if (unknown !== undefined) throw new UsageError(`there is no field ${JSON.stringify(unknown)}`)
  const { key, value, headers, partition, timestampMs } = parsed
  if (!('value' in parsed)) throw new UsageError('"value" is missing')
  return {
    key: bytesFromJson(key ?? null),
    value: bytesFromJson(value),
    ...(headers === undefined ? {} : { headers: headersFromJson(headers) }),
    ...(partition === undefined ? {} : { partition: wholeField('partition', partition) }),
    ...(timestampMs === undefined ? {} : { timestampMs: wholeField('timestampMs', timestampMs) }),
  }
}

function parseObject(text: string): Record<string, unknown> {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (cause) {
    throw new UsageError(`it is not JSON: ${(cause as Error).message}`)
  }
  if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return { ...parsed }
  throw new UsageError('it is no JSON object such as {"key": "k", "value": "v"}')
}

/** Text, `{"base64": …}`, null; anything else stands for its own JSON text. */
function bytesFromJson(value: unknown): Uint8Array | null {
  if (value === null) return null
  if (typeof value === 'string') return Buffer.from(value, 'utf8')
  if (typeof value === 'object' && Object.keys(value).length === 1 && 'base64' in value) {
    const text = value.base64
    const bytes = typeof text === 'string' ? Buffer.from(text, 'base64') : undefined
    if (bytes === undefined || bytes.toString('base64') !== text) throw new UsageError('"base64" is no base64 text')
    return bytes
  }
  return Buffer.from(JSON.stringify(value), 'utf8')
}

function headersFromJson(headers: unknown): { key: string; value: Uint8Array | null }[] {
  if (Array.isArray(headers)) {
    return headers.map((header: unknown) => {
      const isHeader =
        typeof header === 'object' && header !== null && 'key' in header && typeof header.key === 'string'
      if (!isHeader) throw new UsageError('"headers" is a list of {"key": "…", "value": "…"}')
      return { key: header.key as string, value: bytesFromJson('value' in header ? header.value : null) }
    })
  }
  if (typeof headers !== 'object' || headers === null)
    throw new UsageError('"headers" is a list of {"key": "…", "value": "…"}')
  return Object.entries(headers).map(([key, value]) => ({ key, value: bytesFromJson(value) }))
}

function wholeField(name: string, value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw new UsageError(`"${name}" is a whole number from 0 on`)
}
