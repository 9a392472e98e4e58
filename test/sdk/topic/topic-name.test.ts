import { expect, test } from 'vitest'
import { TidemarkError } from '../../../sdk/errors.ts'
import { checkNewTopicName, checkTopicName, isInternalTopic } from '../../../sdk/topic/topic-name.ts'
import { seededRandom } from '../../support/seeded-random.ts'

const invalidTopic = (message: RegExp) =>
  expect.objectContaining({ code: 'INVALID_TOPIC', message: expect.stringMatching(message) })

test('names that Kafka accepts are accepted', () => {
  for (const name of ['a', 'payments', 'A.b_c-9', '...', '-', '__consumer_offsets', 'x'.repeat(249)]) {
    expect(() => checkTopicName(name), name).not.toThrow()
  }
})

test('names that Kafka refuses are refused, with a reason', () => {
  const cases: [string, RegExp][] = [
    ['', /empty/],
    ['.', /cannot be named "\."/],
    ['..', /cannot be named "\.\."/],
    ['a b', /"a b" has other characters/],
    ['é', /other characters/],
    ['a\n', /other characters/],
    ['x'.repeat(250), /has 250 characters: at most 249/],
  ]
  for (const [name, message] of cases) expect(() => checkTopicName(name), name).toThrow(invalidTopic(message))
})

test('no name that is accepted can leave its directory', () => {
  const seed = 7
  const random = seededRandom(seed)
  const letters = ['.', '..', '/', '\\', 'a', '_', '\0', ':', '-', '~', '%2e']
  for (let round = 0; round < 3000; round++) {
    const name = Array.from(
      { length: 1 + Math.floor(random() * 5) },
      () => letters[Math.floor(random() * letters.length)],
    ).join('')
    try {
      checkTopicName(name)
    } catch (error) {
      expect(error, `seed ${seed}, name ${JSON.stringify(name)}`).toBeInstanceOf(TidemarkError)
      continue
    }
    expect(name, `seed ${seed}`).toMatch(/^[a-z._-]+$/)
    expect(['.', '..'], `seed ${seed}`).not.toContain(name)
  }
})

test('a new name must not differ from another only in dots and underscores', () => {
  expect(() => checkNewTopicName('a.b', ['a_b'])).toThrow(invalidTopic(/collides with the topic a_b/))
  expect(() => checkNewTopicName('a.b', ['a.b', 'a-b', 'ab'])).not.toThrow()
})

test('a new name must not differ from another only in case where the disk folds case', () => {
  expect(() => checkNewTopicName('Orders', ['orders'])).not.toThrow()
  expect(() => checkNewTopicName('Orders', ['orders'], { foldsCase: true })).toThrow(invalidTopic(/only in case/))
})

test('the name of the metadata log is taken', () => {
  expect(() => checkNewTopicName('__cluster_metadata', [])).toThrow(invalidTopic(/metadata log/))
})

test('internal topics are known', () => {
  expect(['__consumer_offsets', '__transaction_state', '__share_group_state'].every(isInternalTopic)).toBe(true)
  expect(isInternalTopic('payments')).toBe(false)
  expect(isInternalTopic('__cluster_metadata')).toBe(false)
})
