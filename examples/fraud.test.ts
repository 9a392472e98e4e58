/** `node --test`: no disk, no server, nothing to clean up. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { open } from 'tidemark'
import { MemoryEnvironment } from 'tidemark/testing'
import { findFraud, paymentsOf } from './fraud.ts'

test('large payments are reported, and only once', async () => {
  await using tide = await open('memory:')
  await paymentsOf(tide).send({ key: 'card-17', value: { amount: 5000 } })
  await paymentsOf(tide).send({ key: 'card-18', value: { amount: 5 } })
  const reported: string[] = []
  const report = async (card: string) => void reported.push(card)
  await findFraud(tide, report)
  await findFraud(tide, report)
  assert.deepEqual(reported, ['card-17'])
})

test('a payment whose report failed comes again', async () => {
  await using tide = await open('memory:')
  await paymentsOf(tide).send({ key: 'card-17', value: { amount: 5000 } })
  await assert.rejects(
    findFraud(tide, async () => {
      throw new Error('the office is closed')
    }),
    /closed/,
  )
  const reported: string[] = []
  await findFraud(tide, async (card) => void reported.push(card))
  assert.deepEqual(reported, ['card-17'])
})

test('a payment that was accepted is there after a power loss', async () => {
  const environment = new MemoryEnvironment()
  const before = await open('memory:', { environment })
  await paymentsOf(before).send({ key: 'card-17', value: { amount: 5000 } })
  await using after = await open('memory:', { environment: environment.crash() })
  const reported: string[] = []
  await findFraud(after, async (card) => void reported.push(card))
  assert.deepEqual(reported, ['card-17'])
})
