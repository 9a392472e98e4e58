import { expect, test } from 'vitest'
import { createShop } from './support/shop.ts'

/** The shop, in which `mail` gave up on the two records of partition 0 that `picks` chooses. */
async function createFailures() {
  const shop = await createShop({ clock: 'manual' })
  {
    await using tide = await shop.open()
    const handler = ({ partition, offset }: { readonly partition: number; readonly offset: number }) => {
      if (partition === 0 && offset < 2) throw new RangeError(`no card\nfor ${offset}`)
    }
    const consumer = tide.topic('payments').consume({ group: 'mail', follow: false })
    await consumer.run(handler, { onFailure: { deadLetter: 'failed' } })
  }
  shop.environment.advance(3 * 3_600_000)
  return shop
}

test('dead letters are listed with origin, key, group, attempts, age and error', async () => {
  const { run } = await createFailures()
  const { output, code } = await run('dead-letters', 'failed')
  expect(code).toBe(0)
  const [titles, first, second, ...end] = output.split('\n')
  expect(titles).toMatch(/^Letter {2}From +Key +Group {2}Attempts {2}Failed +Error$/)
  expect(first).toMatch(/^0@0 +payments-0@0 .*mail +1 {2}3 h ago +RangeError: no card$/)
  expect(second).toMatch(/^0@1 +payments-0@1 /)
  expect(end).toEqual(['', '2 dead letters. `tidemark dead-letters shop failed --send-back` sends them back.', ''])
})

test('JSON has everything, the record as `read` prints it', async () => {
  const { run } = await createFailures()
  const [letter, ...others] = (await run('dead-letters', 'failed', '--json')).json()
  expect(others).toHaveLength(1)
  const [record] = (await run('read', 'payments', '--partition', '0', '--max', '1', '--json')).json()
  const { key, value, headers } = record!
  expect(letter).toEqual({
    topic: 'failed',
    partition: 0,
    offset: 0,
    origin: {
      topic: 'payments',
      topicId: expect.stringMatching(/^[\w-]{22}$/),
      partition: 0,
      offset: 0,
      timestampMs: expect.any(Number),
    },
    group: 'mail',
    attempts: 1,
    error: { name: 'RangeError', message: 'no card\nfor 0' },
    failedAtMs: expect.any(Number),
    key,
    value,
    headers,
    sentBack: null,
  })
})

test('sending back is shown first; --execute does it, once', async () => {
  const { run } = await createFailures()
  const dry = await run('dead-letters', 'failed', '--send-back', '--offset', '1')
  expect(dry.output).toContain('0@1')
  expect(dry.output).not.toContain('0@0 ')
  expect(dry.output).toContain('Nothing was changed. Add --execute to send it back.')
  expect((await run('dead-letters', 'failed', '--json')).json()).toHaveLength(2)
  const done = await run('dead-letters', 'failed', '--send-back', '--offset', '0@1', '--execute')
  expect(done.output).toMatch(/0@1 .* payments-0@6\n\nDone: 1 dead letter sent back\.\n$/s)
  const again = await run('dead-letters', 'failed', '--send-back', '--offset', '1', '--execute')
  expect([again.code, again.errors]).toEqual([
    1,
    'tidemark: There is no dead letter failed-0@1, or it was sent back: --sent-back lists those, too.\n',
  ])
  expect((await run('dead-letters', 'failed', '--send-back', '--execute')).output).toContain('Done: 1 dead letter')
  expect((await run('dead-letters', 'failed')).output).toBe('No dead letters are waiting here.\n')
  const nothing = await run('dead-letters', 'failed', '--send-back', '--execute')
  expect(nothing.output).toBe('No dead letters are waiting here: nothing was sent back.\n')
  expect((await run('dead-letters', 'failed', '--sent-back', '--json')).json()).toHaveLength(2)
  expect((await run('lag', '--group', 'mail', '--json')).json().map(({ lagRecords }) => lagRecords)).toEqual([2, 0])
})

test('only what one group gave up on', async () => {
  const { run } = await createFailures()
  expect((await run('dead-letters', 'failed', '-g', 'mail', '--json')).json()).toHaveLength(2)
  expect((await run('dead-letters', 'failed', '-g', 'fraud')).output).toBe('No dead letters are waiting here.\n')
})

test('wrong use is told: no such topic, no number, --execute alone', async () => {
  const { run } = await createFailures()
  const unknown = await run('dead-letters', 'failled')
  expect([unknown.code, unknown.errors]).toEqual([2, expect.stringContaining('Did you mean "failed"?')])
  expect((await run('dead-letters', 'failed', '--offset', 'x')).code).toBe(2)
  const alone = await run('dead-letters', 'failed', '--execute')
  expect([alone.code, alone.errors]).toEqual([2, expect.stringContaining('--execute goes with --send-back')])
})
