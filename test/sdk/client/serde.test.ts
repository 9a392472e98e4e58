import { expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { decode, defaultKey, encode, json, nullable, type Serde, string } from '../../../sdk/client/serde.ts'
import type { TidemarkError } from '../../../sdk/errors.ts'
import { createClient } from './support/create-client.ts'

const Payment = z.object({ amount: z.number(), at: z.coerce.date() })

test('json without a schema takes any JSON and refuses what JSON cannot say', () => {
  const serde = json<{ n: number }>()
  expect(serde.deserialize(serde.serialize({ n: 1 }))).toEqual({ n: 1 })
  expect(() => json<unknown>().serialize(() => 1)).toThrow('JSON has no function')
})

test('json with a schema types what is sent as the schema’s input and what is read as its output', () => {
  expectTypeOf(json(Payment)).toEqualTypeOf<Serde<{ amount: number; at: Date }, { amount: number; at: unknown }>>()
  expectTypeOf(nullable(json(z.string()))).toEqualTypeOf<Serde<string | null, string | null>>()
  const serde = json(Payment)
  const read = serde.deserialize(serde.serialize({ amount: 1, at: '2026-01-02T03:04:05Z' }))
  expect(read.at).toEqual(new Date('2026-01-02T03:04:05Z'))
})

test('json with a schema names the issue and its place', () => {
  expect(() => json(Payment).serialize({ amount: 'x', at: 1 } as never)).toThrow(/^amount: /)
  expect(() => json(Payment).deserialize(Buffer.from('{"amount":1,"at":"never"}'))).toThrow(/^at: /)
})

test('an asynchronous schema is refused with words that say what to do', () => {
  const schema = z.string().refine(async () => true)
  const Async = {
    '~standard': {
      version: 1 as const,
      vendor: 'test',
      validate: (value: unknown) => schema['~standard'].validate(value),
    },
  }
  expect(() => json(Async).serialize('x')).toThrow('validates asynchronously')
})

test('text with any characters comes back as it was', () => {
  for (const text of ['', 'plain', 'grüße 🌊', '\u0000']) expect(string.deserialize(string.serialize(text))).toBe(text)
  const view = new Uint8Array(Buffer.from('xxgrüßexx')).subarray(2, -2)
  expect(string.deserialize(view)).toBe('grüße')
})

test('null is no bytes where it is allowed, and the serde never sees it', () => {
  expect(encode(nullable(json<number>()), null, 'value', 't')).toBeNull()
  expect(decode(nullable(json<number>()), null)).toBeNull()
  expect(encode(defaultKey, undefined, 'key', 't')).toBeNull()
  expect(encode(json<null>(), null, 'value', 't')).toEqual(Buffer.from('null'))
})

test('null is refused where it is not allowed, on both ways', () => {
  expect(() => decode(string, null)).toThrow('declare nullable(serde)')
  expect(() => encode(string, undefined, 'key', 't')).toThrow('it is missing')
})

test('what cannot be encoded rejects the send with ENCODE_FAILED and topic, and sends nothing', async () => {
  const { broker, context, topic } = createClient()
  await topic('warm').send({ value: 'x' })
  const produced = broker.seen('produce').length
  const payments = topic('payments', { value: json(z.string().max(3)) as Serde<string> })
  const error = await payments.send({ value: 'too long' }).catch((thrown: TidemarkError) => thrown)
  expect(error).toMatchObject({ code: 'ENCODE_FAILED', topic: 'payments' })
  await context.close()
  expect(broker.seen('produce').length).toBe(produced)
})

test('a serde that answers something else than bytes is told so', () => {
  const wrong = { serialize: () => 'text', deserialize: () => 'text' } as unknown as Serde<string>
  expect(() => encode(wrong, 'x', 'value', 't')).toThrow('string, not a Uint8Array')
})
