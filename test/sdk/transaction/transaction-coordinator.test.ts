import { expect, test } from 'vitest'
import { randomFrom } from '../../../sdk/environment/seeded-random.ts'
import { TidemarkError } from '../../../sdk/errors.ts'
import { encodeBatch } from '../../../sdk/record/batch-builder.ts'
import { RecordBatch } from '../../../sdk/record/record-batch.ts'
import { TransactionCoordinator } from '../../../sdk/transaction/transaction-coordinator.ts'
import {
  encodeTransaction,
  encodeTransactionKey,
  type Transaction,
} from '../../../sdk/transaction/transaction-record.ts'

/** A coordinator whose log is a list, and a second one that replays it. */
function createCoordinator(version = 2) {
  const log: Buffer[] = []
  const states: string[] = []
  const append = (transactionalId: string, transaction: Transaction | null) => {
    const value = transaction && encodeTransaction(transaction, version >= 1 ? 1 : 0)
    log.push(encodeBatch([{ key: encodeTransactionKey(transactionalId), value }]))
    states.push(transaction?.state ?? 'forgotten')
    coordinator.replayBatch(new RecordBatch(log.at(-1)!))
  }
  const options = { append, nowMs: () => 1_000, version: () => version }
  const coordinator = new TransactionCoordinator(options)
  const restarted = () => {
    const other = new TransactionCoordinator(options)
    for (const batch of log) other.replayBatch(new RecordBatch(batch))
    return other
  }
  return { coordinator, states, restarted }
}

test('a transaction goes through Kafka’s states, each with its epoch', () => {
  const { coordinator, states, restarted } = createCoordinator()
  const first = { ...coordinator.init('tx', 60_000, 7) }
  expect(first).toMatchObject({ producerId: 7, producerEpoch: 0 })
  coordinator.join('tx', first, 't', 0)
  coordinator.join('tx', first, 't', 0)
  coordinator.join('tx', first, 't', 1)
  coordinator.join('tx', first, 'u', 0)
  expect([...coordinator.get('tx')!.partitions]).toEqual([
    ['t', [0, 1]],
    ['u', [0]],
  ])
  expect(coordinator.prepare('tx', first, 'commit', undefined)).toBe(true)
  expect(() => coordinator.join('tx', { producerId: 7, producerEpoch: 1 }, 't', 0)).toThrow('just ending')
  const askedAgain = () => coordinator.prepare('tx', first, 'commit', undefined)
  expect(askedAgain, 'it is not aborted').toThrow('just ending')
  coordinator.complete('tx')
  expect(coordinator.get('tx')).toMatchObject({ producerId: 7, producerEpoch: 1, state: 'CompleteCommit' })
  expect(coordinator.prepare('tx', first, 'commit', undefined), 'asked again').toBe(false)
  expect(() => coordinator.join('tx', first, 't', 0)).toThrow('Producer 7/0 no longer has')
  expect(states).toEqual(['Empty', 'Ongoing', 'Ongoing', 'Ongoing', 'PrepareCommit', 'CompleteCommit'])
  expect(restarted().get('tx')).toEqual(coordinator.get('tx'))
})

test('before transaction.version 2 transactions share an epoch', () => {
  for (const version of [0, 1]) {
    const { coordinator } = createCoordinator(version)
    const producer = { ...coordinator.init('tx', 60_000, 7) }
    for (const result of ['commit', 'abort'] as const) {
      coordinator.join('tx', producer, 't', 0)
      expect(coordinator.prepare('tx', producer, result, undefined)).toBe(true)
      coordinator.complete('tx')
      expect(coordinator.prepare('tx', producer, result, undefined), 'asked again').toBe(false)
    }
    expect(coordinator.get('tx')).toMatchObject({ producerId: 7, producerEpoch: 0, clientTransactionVersion: 0 })
    coordinator.join('tx', producer, 't', 0)
    coordinator.fence('tx')
    expect(() => coordinator.prepare('tx', producer, 'commit', undefined)).toThrow(TidemarkError)
  }
})

test('when epochs run out the next transaction has another producer id, and the end may still be asked again', () => {
  const { coordinator } = createCoordinator()
  let producer = { ...coordinator.init('tx', 60_000, 7) }
  for (let n = 0; n < 32_766; n++) {
    coordinator.join('tx', producer, 't', 0)
    expect(coordinator.hasLastEpoch('tx')).toBe(false)
    coordinator.prepare('tx', producer, 'abort', undefined)
    coordinator.complete('tx')
    producer = { ...coordinator.get('tx')! }
  }
  expect(producer.producerEpoch).toBe(32_766)
  coordinator.join('tx', producer, 't', 0)
  expect(coordinator.hasLastEpoch('tx')).toBe(true)
  coordinator.prepare('tx', producer, 'commit', 8)
  expect(coordinator.get('tx')).toMatchObject({ producerId: 7, producerEpoch: 32_767, nextProducerId: 8 })
  coordinator.complete('tx')
  expect(coordinator.get('tx')).toMatchObject({ producerId: 8, producerEpoch: 0, state: 'CompleteCommit' })
  expect(coordinator.prepare('tx', producer, 'commit', undefined)).toBe(false)
})

const SEED = Number(process.env['SEED'] ?? 1)

test(`whatever is asked, in whatever order: one open transaction a name, and none ends twice (SEED=${SEED})`, () => {
  const random = randomFrom(SEED)
  for (let history = 0; history < 500; history++) {
    const version = random.below(3)
    const { coordinator, restarted } = createCoordinator(version)
    let nextId = 1
    const clients = Array.from({ length: 3 }, () => ({ producerId: -1, producerEpoch: -1 }))
    const ended = new Set<string>()
    for (let step = 0; step < 60; step++) {
      const at = random.below(3)
      const client = clients[at]!
      const attempt = (what: () => void) => {
        try {
          what()
        } catch (error) {
          if (!(error instanceof TidemarkError)) throw error
        }
      }
      const choice = random.below(6)
      if (choice === 0) attempt(() => (clients[at] = { ...coordinator.init('tx', 60_000, nextId++) }))
      else if (choice < 3) attempt(() => coordinator.join('tx', client, 't', random.below(3)))
      else if (choice === 3) {
        attempt(() => {
          const result = random.below(2) === 0 ? 'commit' : 'abort'
          if (!coordinator.prepare('tx', client, result, nextId++) || version < 2) return
          const name = `${client.producerId}/${client.producerEpoch}`
          expect(ended, `SEED=${SEED} history ${history} step ${step}`).not.toContain(name)
          ended.add(name)
        })
      } else if (coordinator.get('tx')?.state.startsWith('Prepare') === true) {
        coordinator.complete('tx')
        const { producerId, producerEpoch } = coordinator.get('tx')!
        clients[at] = { producerId, producerEpoch }
      } else if (coordinator.get('tx')?.state === 'Ongoing' && random.below(4) === 0) coordinator.fence('tx')
      expect(restarted().get('tx'), `SEED=${SEED} history ${history} step ${step}`).toEqual(coordinator.get('tx'))
    }
  }
})
