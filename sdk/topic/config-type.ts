/** How Kafka reads the text of a config. `parse` gives undefined for what it refuses; `expected` says what it takes. */
export interface ConfigType<T> {
  readonly kind: 'boolean' | 'double' | 'int' | 'list' | 'long' | 'string'
  readonly expected: string
  parse(text: string): T | undefined
}

const INT_MIN = -(2n ** 31n)
const INT_MAX = 2n ** 31n - 1n
const LONG_MIN = -(2n ** 63n)
const LONG_MAX = 2n ** 63n - 1n

/** A 32-bit integer. `orElse` is one more value outside the range that is allowed as well. */
export function int(min: number, max?: number, orElse?: number): ConfigType<number> {
  const range = max === undefined ? `of at least ${min} (32 bits)` : `from ${min} to ${max}`
  return {
    kind: 'int',
    expected: `an integer ${range}${orElse === undefined ? '' : `, or ${orElse}`}`,
    parse(text) {
      const number = integer(text, INT_MIN, INT_MAX)
      if (number === undefined || number === orElse) return number
      return number >= min && number <= (max ?? number) ? number : undefined
    },
  }
}

/** A 64-bit integer; Java's greatest long, which stands for "never" or "no limit", is `Infinity`. */
export function long(min?: number): ConfigType<number> {
  return {
    kind: 'long',
    expected: min === undefined ? 'an integer (64 bits)' : `an integer of at least ${min} (64 bits)`,
    parse(text) {
      const number = integer(text, LONG_MIN, LONG_MAX)
      return number !== undefined && number >= (min ?? number) ? number : undefined
    },
  }
}

export function double(min: number, max: number): ConfigType<number> {
  return {
    kind: 'double',
    expected: `a number from ${min} to ${max}`,
    parse(text) {
      if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?[fd]?$/i.test(text)) return undefined
      const number = Number.parseFloat(text)
      return number >= min && number <= max ? number : undefined
    },
  }
}

export const boolean: ConfigType<boolean> = {
  kind: 'boolean',
  expected: 'true or false',
  parse(text) {
    const lower = text.toLowerCase()
    return lower === 'true' ? true : lower === 'false' ? false : undefined
  },
}

export function oneOf<const T extends string>(...values: readonly T[]): ConfigType<T> {
  return {
    kind: 'string',
    expected: `one of ${values.join(', ')}`,
    parse: (text) => values.find((value) => value === text),
  }
}

/** Any of the values, separated by commas; none at all is allowed too. */
export function someOf<const T extends string>(...values: readonly T[]): ConfigType<ReadonlySet<T>> {
  return {
    kind: 'list',
    expected: `a list of ${values.join(', ')} with commas between, or nothing`,
    parse(text) {
      const found = listOf(text).map((element) => values.find((value) => value === element))
      return found.every((value) => value !== undefined) ? new Set(found) : undefined
    },
  }
}

export const throttledReplicas: ConfigType<readonly string[]> = {
  kind: 'list',
  expected: '* or a list of partition:broker with commas between',
  parse(text) {
    const elements = listOf(text)
    if (elements.length === 1 && elements[0] === '*') return elements
    return elements.every((element) => /^(\d+:\d+)?$/.test(element)) ? elements : undefined
  },
}

function listOf(text: string): string[] {
  return text === '' ? [] : text.split(/\s*,\s*/)
}

function integer(text: string, min: bigint, max: bigint): number | undefined {
  if (!/^[+-]?\d{1,40}$/.test(text)) return undefined
  const value = BigInt(text.replace('+', ''))
  if (value < min || value > max) return undefined
  return value === LONG_MAX ? Number.POSITIVE_INFINITY : Number(value)
}
