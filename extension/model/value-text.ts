/** Bytes as people read them: pretty JSON where they are JSON, text where they are text, hex where they are neither. */
const HEX_COLUMNS = 16
/** More than this of one value nobody reads in an editor. */
const SHOWN_BYTES = 256 * 1024

/** Lines of a JSON-with-comments document. */
export function valueLines(bytes: Uint8Array | null): readonly string[] {
  if (bytes === null) return ['null']
  if (bytes.byteLength > SHOWN_BYTES) {
    return [
      `// ${bytes.byteLength} bytes, of which the first ${SHOWN_BYTES}:`,
      ...hexLines(bytes.subarray(0, SHOWN_BYTES)),
    ]
  }
  const text = textOf(bytes)
  if (text === undefined) return hexLines(bytes)
  return jsonLines(text) ?? [JSON.stringify(text)]
}

/** Short, for keys and header values: quoted text, or hex. */
export function shortText(bytes: Uint8Array | null): string {
  if (bytes === null) return 'null'
  const text = textOf(bytes)
  return text === undefined ? `0x${Buffer.from(bytes).toString('hex')}` : JSON.stringify(text)
}

/** UTF-8 without control characters but those that text has. */
function textOf(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    return /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.test(text) ? undefined : text
  } catch {
    return undefined
  }
}

function jsonLines(text: string): readonly string[] | undefined {
  try {
    const value: unknown = JSON.parse(text)
    // Numbers beyond what JavaScript holds would be shown as others.
    if (/\d{16}/.test(text)) return text.split('\n')
    return JSON.stringify(value, null, 2).split('\n')
  } catch {
    return undefined
  }
}

/** `// 0000  68 65 6c 6c 6f …  hello…` */
function hexLines(bytes: Uint8Array): readonly string[] {
  if (bytes.byteLength === 0) return ['""']
  const lines: string[] = []
  for (let start = 0; start < bytes.byteLength; start += HEX_COLUMNS) {
    const part = bytes.subarray(start, start + HEX_COLUMNS)
    const hex = [...part].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
    const text = [...part].map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('')
    lines.push(`// ${start.toString(16).padStart(4, '0')}  ${hex.padEnd(HEX_COLUMNS * 3 - 1)}  ${text}`)
  }
  return lines
}
