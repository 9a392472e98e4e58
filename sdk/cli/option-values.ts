import { type ParseArgsOptionsConfig, parseArgs } from 'node:util'
import { nearestName } from '../client/nearest-name.ts'
import { UsageError } from './usage-error.ts'

export interface OptionSpec {
  readonly type: 'string' | 'boolean'
  readonly short?: string
  /** May be given more than once. */
  readonly multiple?: boolean
  /** What stands for the value in the help: `--group NAME`. */
  readonly valueName?: string
  readonly description: string
}
export type OptionSpecs = Readonly<Record<string, OptionSpec>>

/** What was typed behind the command's name, checked against what the command takes. */
export class OptionValues {
  readonly positionals: readonly string[]
  readonly #values: ReadonlyMap<string, readonly (string | true)[]>

  private constructor(positionals: readonly string[], values: ReadonlyMap<string, readonly (string | true)[]>) {
    this.positionals = positionals
    this.#values = values
  }

  /** @throws UsageError for options the command does not have, values missing or given twice. */
  static parse(typed: readonly string[], specs: OptionSpecs): OptionValues {
    // Not `strict`: parseArgs would reject a wrong option without naming the nearest right one.
    const { tokens } = parseArgs({
      args: [...typed],
      options: parseArgsOptions(specs),
      strict: false,
      allowPositionals: true,
      tokens: true,
    })
    const positionals: string[] = []
    const values = new Map<string, (string | true)[]>()
    for (const token of tokens) {
      if (token.kind === 'positional') positionals.push(token.value)
      if (token.kind !== 'option') continue
      const spec = Object.hasOwn(specs, token.name) ? specs[token.name] : undefined
      if (spec === undefined) throw unknownOption(token.rawName, specs)
      const given = values.get(token.name) ?? []
      if (given.length > 0 && spec.multiple !== true) throw new UsageError(`${token.rawName} is given twice.`)
      given.push(optionValue(token.rawName, token.value, token.inlineValue === true, spec))
      values.set(token.name, given)
    }
    return new OptionValues(positionals, values)
  }

  isSet(name: string): boolean {
    return this.#values.has(name)
  }

  text(name: string): string | undefined {
    const value = this.#values.get(name)?.[0]
    return typeof value === 'string' ? value : undefined
  }

  list(name: string): readonly string[] {
    return (this.#values.get(name) ?? []).filter((value) => typeof value === 'string')
  }

  /** A whole number of at least `min`. */
  count(name: string, min: number): number | undefined {
    const text = this.text(name)
    return text === undefined ? undefined : wholeNumber(`--${name}`, text, min)
  }
}

/** @throws UsageError unless `text` is a whole number of at least `min`. */
export function wholeNumber(name: string, text: string, min: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (Number.isSafeInteger(value) && value >= min) return value
  const range = value > Number.MAX_SAFE_INTEGER ? `up to ${Number.MAX_SAFE_INTEGER}` : `from ${min} on`
  throw new UsageError(`${name} takes a whole number ${range}, not "${text}".`)
}

const SECONDS = { s: 1, m: 60, h: 3600 } as const

/** Milliseconds of `60`, `60s`, `5m` or `1h`. @throws UsageError */
export function spanMs(name: string, text: string): number {
  const match = /^(\d+)([smh]?)$/.exec(text)
  const seconds = match === null ? Number.NaN : Number(match[1]) * SECONDS[(match[2] || 's') as keyof typeof SECONDS]
  if (Number.isSafeInteger(seconds)) return seconds * 1000
  throw new UsageError(`${name} takes a time such as 60s, 5m or 1h, not "${text}".`)
}

/**
 * Milliseconds since 1970 of `2026-03-01` or `2026-03-01T04:00:00.000`, UTC unless it says otherwise, as Kafka's tools
 * read it. `orElse`: what else the option takes. @throws UsageError
 */
export function instant(name: string, text: string, orElse = ''): number {
  const [, day, time = 'T00:00', zone = 'Z'] =
    /^(\d{4}-\d\d-\d\d)(?:(T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)(Z|[+-]\d\d:?\d\d)?)?$/.exec(text) ?? []
  const ms = day !== undefined && isDay(day) ? Date.parse(`${day}${time}${zone}`) : Number.NaN
  if (ms >= 0) return ms
  const times = 'a time such as 2026-03-01T04:00 (UTC) or 2026-03-01T04:00:00+01:00'
  throw new UsageError(`${name} takes ${orElse}${times}, not "${text}".`)
}

/** `Date` takes the 30th of February for the 2nd of March. */
function isDay(day: string): boolean {
  const ms = Date.parse(day)
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(day)
}

function parseArgsOptions(specs: OptionSpecs): ParseArgsOptionsConfig {
  const options: ParseArgsOptionsConfig = {}
  for (const [name, { type, short, multiple }] of Object.entries(specs)) {
    options[name] = { type, ...(short === undefined ? {} : { short }), multiple: multiple === true }
  }
  return options
}

function optionValue(rawName: string, value: string | undefined, isInline: boolean, spec: OptionSpec): string | true {
  if (spec.type === 'boolean') {
    if (value !== undefined) throw new UsageError(`${rawName} takes no value.`)
    return true
  }
  // `--group --json` forgot the group; a value that really begins with a dash is written `--group=-x`.
  const isForgotten = value === undefined || (!isInline && /^-\D/.test(value))
  if (isForgotten) throw new UsageError(`${rawName} needs a value: ${rawName} ${spec.valueName ?? 'VALUE'}.`)
  return value
}

function unknownOption(rawName: string, specs: OptionSpecs): UsageError {
  const near = nearestName(rawName.replace(/^-+/, ''), Object.keys(specs))
  return new UsageError(`There is no option ${rawName}.${near === undefined ? '' : ` Did you mean --${near}?`}`)
}
