import { expect, test } from 'vitest'
import { deadLetterWords, sendBackWords } from '../../../extension/model/dead-letter-words.ts'
import { QuantityWords } from '../../../extension/model/quantity-words.ts'

const WORDS = new QuantityWords('en')

function createLetter(topic: string, value = '{"amount":12}') {
  return {
    topic: 'failed',
    partition: 0,
    offset: 3,
    id: 'failed-0@3',
    bytes: { key: null, value: Buffer.from(value) },
    headers: [],
    origin: { topic, topicId: '', partition: 2, offset: 1_851, timestampMs: 0 },
    group: 'fraud',
    attempts: 5,
    error: { name: 'RangeError', message: 'no such card' },
    failedAtMs: Date.UTC(2026, 0, 2, 12),
  }
}

test('a dead letter says which record it was, who gave up on it after how many attempts, why, and what it is', () => {
  const { label, description, detail } = deadLetterWords(createLetter('payments'), WORDS)
  expect(label).toBe('payments-2@1851')
  expect(description).toMatch(/^fraud · 5 attempts · Jan 2, 2026/)
  expect(detail).toBe('RangeError: no such card — "{\\"amount\\":12}"')
  expect(deadLetterWords(createLetter('payments', 'x'.repeat(10_000)), WORDS).detail.length).toBeLessThan(200)
})

test('before they are sent back it is said where to, and that every group gets them', () => {
  expect(sendBackWords([createLetter('a'), createLetter('a'), createLetter('b')], WORDS)).toBe(
    '2 new records in a\n1 new record in b\nEvery group that reads the topic gets them. They are not listed here any more.',
  )
})
