import { TidemarkError } from '../errors.ts'
import { type StandardSchema, validateNow } from './standard-schema.ts'

/**
 * Turns values into bytes and back. `In` is what `send` takes, `Out` what a loop gets; a schema may make them differ.
 * Both functions answer at once and throw where they cannot; Tidemark adds topic, partition and offset to the error.
 */
export interface Serde<Out, In = Out> {
  /** The bytes of a value. What it throws becomes ENCODE_FAILED. */
  serialize(value: In): Uint8Array
  /** The value of such bytes. What it throws becomes DECODE_FAILED. */
  deserialize(bytes: Uint8Array): Out
  /** True: `null` stands for "no bytes" (a tombstone, a missing key) and never reaches the two functions. See `nullable`. */
  readonly acceptsNull?: boolean
}

/** Bytes as they are. What a loop gets is a view into a larger buffer: copy it (`Uint8Array.from`) to keep it for long. */
export const bytes: Serde<Uint8Array> = {
  serialize: (value) => value,
  deserialize: (value) => value,
}

/** UTF-8 text. */
export const string: Serde<string> = {
  serialize(value: unknown) {
    // JavaScript may hand over anything, of which Buffer.from would make bytes that nobody meant.
    if (typeof value === 'string') return Buffer.from(value, 'utf8')
    const given = value === null ? 'null' : value instanceof Uint8Array ? 'bytes' : typeof value
    throw new Error(`it is ${given}, not text: send String(…), or declare another serde for it`)
  },
  deserialize: textOf,
}

/**
 * JSON. With a Standard Schema (zod, valibot, arktype, …) every value is validated when it is sent and again when it is
 * read: `send` takes the schema's input, a loop gets its output. Without one, `json<T>()` trusts you.
 */
export function json<T>(): Serde<T>
export function json<In, Out>(schema: StandardSchema<In, Out>): Serde<Out, In>
export function json<In, Out>(schema?: StandardSchema<In, Out>): Serde<Out, In> {
  if (schema === undefined) return { serialize: toJson, deserialize: (value) => JSON.parse(textOf(value)) as Out }
  return {
    serialize(value) {
      validateNow(schema, value)
      return toJson(value)
    },
    deserialize: (value) => validateNow(schema, JSON.parse(textOf(value))),
  }
}

/** Lets `null` through as "no bytes": a tombstone as a value, a missing key as a key. */
export function nullable<Out, In = Out>(serde: Serde<Out, In>): Serde<Out | null, In | null> {
  return {
    acceptsNull: true,
    serialize: (value) => serde.serialize(value as In),
    deserialize: (value) => serde.deserialize(value),
  }
}

/** What keys are unless a topic says otherwise. */
export const defaultKey: Serde<string | null> = nullable(string)

/** The bytes of a key or value about to be sent. @throws {TidemarkError} ENCODE_FAILED */
export function encode<In>(serde: Serde<unknown, In>, value: In | undefined, what: 'key' | 'value', topic: string) {
  if (value == null && serde.acceptsNull === true) return null
  try {
    if (value === undefined) throw new Error('it is missing')
    const encoded = serde.serialize(value)
    if (encoded instanceof Uint8Array) return encoded
    throw new Error(notBytes(serde, encoded, what))
  } catch (cause) {
    const message = `The ${what} of a record for topic "${topic}" cannot be encoded: ${reason(cause)}`
    throw new TidemarkError('ENCODE_FAILED', message, { topic, cause })
  }
}

function notBytes(serde: Serde<unknown, never>, encoded: unknown, what: 'key' | 'value'): string {
  const given = encoded === null ? 'null' : Array.isArray(encoded) ? 'a list' : typeof encoded
  if (serde !== bytes) return `its serde answered ${given}, not a Uint8Array`
  const advice = new Map([
    ['string', `declare \`${what}: string\` (import { string } from 'tidemark'), or send Buffer.from(text)`],
    ['null', `declare \`${what}: nullable(bytes)\` where that is allowed (both from 'tidemark')`],
  ]).get(given)
  return `it is ${given}, and the topic takes bytes: ${advice ?? `declare \`${what}: json()\` (import { json } from 'tidemark')`}`
}

/** The key or value of bytes that were read. Throws what the serde throws; whoever knows the place adds it. */
export function decode<Out>(serde: Serde<Out, never>, encoded: Uint8Array | null): Out {
  if (encoded !== null) return serde.deserialize(encoded)
  if (serde.acceptsNull === true) return null as Out
  throw new Error('it is null; declare nullable(serde) where that is allowed')
}

export function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}

function toJson(value: unknown): Uint8Array {
  const text = JSON.stringify(value) as string | undefined
  if (text === undefined) throw new Error(`JSON has no ${typeof value}`)
  return Buffer.from(text, 'utf8')
}

/** As UTF-8. */
export function textOf(value: Uint8Array): string {
  if (value instanceof Buffer) return value.toString('utf8')
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('utf8')
}
