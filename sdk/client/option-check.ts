import { inspect } from 'node:util'
import { TidemarkError } from '../errors.ts'
import { nearestName } from './nearest-name.ts'
import type { Serde } from './serde.ts'

/** What an option may be. undefined always stands for the default. */
export interface OptionKind {
  /** Ends the sentence "it must be …". */
  readonly expected: string
  accepts(value: unknown): boolean
}

/** Every option of a call: one that is forgotten here does not compile. */
export type OptionKinds<O> = { readonly [Name in keyof O]-?: OptionKind }

export const boolean: OptionKind = { expected: 'true or false', accepts: (value) => typeof value === 'boolean' }

export const text: OptionKind = {
  expected: 'text that is not empty',
  accepts: (value) => typeof value === 'string' && value !== '',
}

export const aFunction: OptionKind = { expected: 'a function', accepts: (value) => typeof value === 'function' }

/** A whole number. */
export function wholeNumber(min: number): OptionKind {
  return {
    expected: `a whole number of at least ${min}`,
    accepts: (value) => typeof value === 'number' && Number.isSafeInteger(value) && value >= min,
  }
}

/** How many, at most: a whole number, or Infinity. */
export function count(min: number): OptionKind {
  const { expected, accepts } = wholeNumber(min)
  return { expected, accepts: (value) => value === Number.POSITIVE_INFINITY || accepts(value) }
}

/** A time span, fractions and Infinity included. */
export function milliseconds(min: number): OptionKind {
  return {
    expected: `a number of milliseconds of at least ${min}`,
    accepts: (value) => typeof value === 'number' && value >= min,
  }
}

export function oneOf(...allowed: readonly string[]): OptionKind {
  return {
    expected: `one of ${allowed.map((each) => `'${each}'`).join(', ')}`,
    accepts: (value) => typeof value === 'string' && allowed.includes(value),
  }
}

export function listOf(what: string, kind: OptionKind): OptionKind {
  return { expected: `a list of ${what}`, accepts: (value) => Array.isArray(value) && value.every(kind.accepts) }
}

/** An object whose fields are checked by whoever reads them. */
export function object(expected: string): OptionKind {
  return { expected, accepts: (value) => isObject(value) && !Array.isArray(value) }
}

export const position: OptionKind = {
  expected: "'earliest', 'latest', { offset } or { timestampMs }",
  accepts(value) {
    if (value === 'earliest' || value === 'latest') return true
    if (!isObject(value)) return false
    const { offset, timestampMs } = value as { offset?: unknown; timestampMs?: unknown }
    if (offset !== undefined && timestampMs !== undefined) return false
    return wholeNumber(0).accepts(offset ?? timestampMs)
  },
}

/** Whatever behaves like an AbortSignal: one from another realm is no `instanceof`. */
export const signal: OptionKind = {
  expected: "an AbortSignal, such as an AbortController's signal or shutdownSignal()",
  accepts(value) {
    const { aborted, addEventListener } = Object(value) as Partial<AbortSignal>
    return typeof aborted === 'boolean' && typeof addEventListener === 'function'
  },
}

export const serde: OptionKind = {
  expected: "a serde: string, bytes, json(), json(schema) or nullable(…), all from 'tidemark', or one of your own",
  accepts(value) {
    const { serialize, deserialize } = Object(value) as Partial<Serde<unknown>>
    return typeof serialize === 'function' && typeof deserialize === 'function'
  },
}

/**
 * Whether these are options of `call`, each of its kind. TypeScript knows that before; this is for everybody else.
 * @throws {TidemarkError} INVALID_ARGUMENT, which names the option, what was given, and what may be
 */
export function checkOptions<O extends object>(call: string, options: O, kinds: OptionKinds<O>): void {
  if (!isObject(options) || Array.isArray(options)) {
    const example = `{ ${Object.keys(kinds)[0]}: … }`
    throw invalid(`${call} takes its options as an object, such as ${example}, not ${shown(options)}.`)
  }
  for (const [name, value] of Object.entries(options)) {
    const kind = Object.hasOwn(kinds, name) ? kinds[name as keyof O] : undefined
    if (kind !== undefined) checkOption(`${call}: ${name}`, value, kind)
    else if (value !== undefined) throw unknownOption(call, name, Object.keys(kinds))
  }
}

/** One of them, or an argument. `name`: what it is, with where it stands. @throws {TidemarkError} INVALID_ARGUMENT */
export function checkOption(name: string, value: unknown, kind: OptionKind): void {
  if (value !== undefined && !kind.accepts(value))
    throw invalid(`${name} is ${shown(value)}; it must be ${kind.expected}.`)
}

/** An argument that has no default. `example`: the call as it should be. @throws {TidemarkError} INVALID_ARGUMENT */
export function checkArgument(call: string, name: string, value: unknown, kind: OptionKind, example: string): void {
  if (value !== undefined && kind.accepts(value)) return
  const problem = value === undefined ? `${call} needs ${name}` : `${call}: ${name} is ${shown(value)}`
  throw invalid(`${problem}; it must be ${kind.expected}. For example: ${example}.`)
}

/** A value as people write it, in one short line. */
export function shown(value: unknown): string {
  return inspect(value, { depth: 0, breakLength: Number.POSITIVE_INFINITY, maxStringLength: 60, maxArrayLength: 3 })
}

function unknownOption(call: string, name: string, known: readonly string[]): TidemarkError {
  const near = nearestName(name, known)
  const hint = near === undefined ? `It has ${known.join(', ')}.` : `Did you mean ${near}?`
  return invalid(`${call} has no option ${shown(name)}. ${hint}`)
}

function invalid(message: string): TidemarkError {
  return new TidemarkError('INVALID_ARGUMENT', message)
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
