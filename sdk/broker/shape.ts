import { ERRORS, type ErrorCode } from '../errors.ts'

/**
 * What a value looks like, said once: it is checked by that when it comes in from a socket, and packed by it when it goes
 * out. Bytes stand in the JSON as their length, and follow behind it in the same order.
 */
export interface Shape<T> {
  pack(value: T, attachments: Uint8Array[]): unknown
  /** @throws {ShapeError} naming the `place` */
  unpack(json: unknown, attachments: AttachmentReader, place: string): T
}

/** What came is not what it should be. */
export class ShapeError extends Error {}

/** Hands out the bytes behind the JSON in order. */
export class AttachmentReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  take(length: number): Uint8Array {
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }
}

/** For JSON with nothing behind it. */
export const NO_ATTACHMENTS = new AttachmentReader(new Uint8Array(0))

/** @throws {ShapeError} */
export function unpack<T>(shape: Shape<T>, json: unknown, attachments: Uint8Array): T {
  const reader = new AttachmentReader(attachments)
  const value = shape.unpack(json, reader, '')
  if (reader.left > 0) throw new ShapeError(`${reader.left} bytes belong to nothing`)
  return value
}

function plain<T>(expected: string, accepts: (json: unknown) => boolean): Shape<T> {
  return {
    pack: (value) => value,
    unpack(json, _attachments, place) {
      if (!accepts(json)) throw misfit(place, expected)
      return json as T
    },
  }
}

export const text = plain<string>('text', (json) => typeof json === 'string')
export const flag = plain<boolean>('true or false', (json) => typeof json === 'boolean')
export const integer = plain<number>('a whole number', (json) => Number.isSafeInteger(json))
/** A whole number that is not negative. */
export const count = plain<number>(
  'a whole number from 0 on',
  (json) => Number.isSafeInteger(json) && Number(json) >= 0,
)
/** As text, since JSON has no such numbers. */
export const bigInteger: Shape<bigint> = {
  pack: String,
  unpack(json, _attachments, place) {
    if (typeof json !== 'string' || !/^\d{1,20}$/.test(json)) throw misfit(place, 'a whole number as text')
    return BigInt(json)
  },
}
/** Nothing is answered but that it is done. */
export const nothing: Shape<void> = { pack: () => null, unpack: () => undefined }

const CODES: ReadonlySet<unknown> = new Set(Object.keys(ERRORS))
export const errorCode = plain<ErrorCode>('the code of an error', (json) => CODES.has(json))

export function oneOf<const T extends string>(...values: readonly T[]): Shape<T> {
  return plain(`one of ${values.join(', ')}`, (json) => values.includes(json as T))
}

export const bytes: Shape<Uint8Array> = {
  pack(value, attachments) {
    attachments.push(value)
    return value.length
  },
  unpack(json, attachments, place) {
    const length = count.unpack(json, attachments, place)
    if (length > attachments.left) throw misfit(place, `no more than the ${attachments.left} bytes that follow`)
    return attachments.take(length)
  },
}

/** Bytes, or an object in their place. */
export function bytesOr<O extends object>(asObject: Shape<O>): Shape<Uint8Array | O> {
  return {
    pack: (value, attachments) =>
      value instanceof Uint8Array ? bytes.pack(value, attachments) : asObject.pack(value, attachments),
    unpack: (json, attachments, place) =>
      (typeof json === 'number' ? bytes : asObject).unpack(json, attachments, place),
  }
}

export function listOf<T>(item: Shape<T>): Shape<readonly T[]> {
  return {
    pack: (values, attachments) => values.map((value) => item.pack(value, attachments)),
    unpack(json, attachments, place) {
      if (!Array.isArray(json)) throw misfit(place, 'a list')
      return json.map((value, index) => item.unpack(value, attachments, `${place}[${index}]`))
    },
  }
}

/** An object whose keys are names of something, and whose values are alike. */
export function mapOf<T>(item: Shape<T>): Shape<Readonly<Record<string, T>>> {
  return {
    pack: (values, attachments) => mapped(values, (value) => item.pack(value, attachments)),
    unpack(json, attachments, place) {
      if (!isObject(json)) throw misfit(place, 'an object')
      return mapped(json, (value, key) => item.unpack(value, attachments, `${place}.${key}`))
    },
  }
}

export function nullable<T>(shape: Shape<T>): Shape<T | null> {
  return {
    pack: (value, attachments) => (value === null ? null : shape.pack(value, attachments)),
    unpack: (json, attachments, place) => (json === null ? null : shape.unpack(json, attachments, place)),
  }
}

/** A field that may be missing. */
export function optional<T>(shape: Shape<T>): Shape<T | undefined> {
  return {
    pack: (value, attachments) => (value === undefined ? undefined : shape.pack(value, attachments)),
    unpack: (json, attachments, place) => (json === undefined ? undefined : shape.unpack(json, attachments, place)),
  }
}

/** Either of two, told apart by what is JSON's text and what is not. */
export function textOr<T extends string, O extends object>(asText: Shape<T>, asObject: Shape<O>): Shape<T | O> {
  return {
    pack: (value, attachments) =>
      typeof value === 'string' ? asText.pack(value, attachments) : asObject.pack(value, attachments),
    unpack: (json, attachments, place) =>
      (typeof json === 'string' ? asText : asObject).unpack(json, attachments, place),
  }
}

type Fields<T> = {
  readonly [K in keyof Required<T>]: object extends Pick<T, K> ? Shape<T[K] | undefined> : Shape<T[K]>
}

/** What it does not name is left out. */
export function object<T extends object>(fields: Fields<T>): Shape<T> {
  const shapes = Object.entries(fields) as [keyof T & string, Shape<unknown>][]
  return {
    pack(value, attachments) {
      const packed: Record<string, unknown> = {}
      for (const [key, shape] of shapes) packed[key] = shape.pack(value[key], attachments)
      return packed
    },
    unpack(json, attachments, place) {
      if (!isObject(json)) throw misfit(place, 'an object')
      const value: Partial<Record<string, unknown>> = {}
      for (const [key, shape] of shapes) {
        const field = shape.unpack(json[key], attachments, place === '' ? key : `${place}.${key}`)
        if (field !== undefined) value[key] = field
      }
      return value as T
    },
  }
}

function isObject(json: unknown): json is Record<string, unknown> {
  return typeof json === 'object' && json !== null && !Array.isArray(json)
}

/** Own properties only: a key "__proto__" is one like any other. */
function mapped(from: object, change: (value: never, key: string) => unknown): Record<string, never> {
  const entries = Object.entries(from).map(([key, value]) => [key, change(value as never, key)] as const)
  return Object.fromEntries(entries) as Record<string, never>
}

function misfit(place: string, expected: string): ShapeError {
  return new ShapeError(`${place === '' ? 'It' : place} must be ${expected}`)
}
