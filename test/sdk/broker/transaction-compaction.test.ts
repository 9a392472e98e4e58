/** `__transaction_state` is rolled and compacted like any topic of keys, and tells the next owner the same. */
import { expect, test, vi } from 'vitest'
import type { InitProducerIdResponse } from '../../../sdk/broker/broker.ts'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { verifyDirectory } from '../../../sdk/inspect.ts'
import { readWholeFile } from '../../../sdk/log/whole-file.ts'
import { groupPartition } from '../../../sdk/offsets/group-partition.ts'
import { create } from '../../support/broker/requests.ts'
import { Sender, visible } from '../../support/broker/sender.ts'
import { createWorld, PATH } from '../../support/broker/worlds.ts'

const STATE = '__transaction_state'
const DAY_MS = 86_400_000

// Nobody else may have segments this small there.
vi.mock(import('../../../sdk/topic/internal-topics.ts'), async (original) => {
  const topics = await original()
  const small = { 'internal.segment.bytes': '2000', 'min.cleanable.dirty.ratio': '0.01' }
  return { ...topics, TRANSACTION_STATE_CONFIGS: { ...topics.TRANSACTION_STATE_CONFIGS, ...small } }
})

/** So many ids, all of one partition. */
function idsOf(partition: number, count: number): string[] {
  const ids: string[] = []
  for (let n = 0; ids.length < count; n++) if (groupPartition(`tx-${n}`, 50) === partition) ids.push(`tx-${n}`)
  return ids
}

/** Lets what became due come to its end. */
async function settle(environment: MemoryEnvironment): Promise<void> {
  for (let turn = 0; turn < 200; turn++) await environment.timers.yield()
}

function logFiles({ files }: MemoryEnvironment, partition: number): string[] {
  return files.list(`${PATH}/${STATE}-${partition}`).filter((file) => file.endsWith('.log'))
}

function sizeBytesOf(environment: MemoryEnvironment, partition: number): number {
  const sizes = logFiles(environment, partition).map(
    (file) => environment.files.stat(`${PATH}/${STATE}-${partition}/${file}`)!.sizeBytes,
  )
  return sizes.reduce((sum, sizeBytes) => sum + sizeBytes, 0)
}

async function endTransactions(sender: Sender, from: number, count: number): Promise<InitProducerIdResponse> {
  let last = sender.producer
  for (let n = from; n < from + count; n++) {
    await sender.send(`${sender.id}:${n}`)
    last = sender.producer
    await sender.end(n % 3 === 0 ? 'abort' : 'commit')
  }
  return last
}

test('after a hundred transactions, rolls and compactions the next owner knows each id’s last one, fences and aborts rightly', async () => {
  const environment = new MemoryEnvironment({ clock: 'manual' })
  const owner = await createWorld(environment).own()
  await create(owner, 't')
  const [partition, ids] = [7, idsOf(7, 10)]
  const senders = await Promise.all(ids.map((id) => Sender.begin(owner, id, DAY_MS)))
  const last = new Map<string, InitProducerIdResponse>()
  let sizeBytes = 0
  for (let round = 0; round < 5; round++) {
    for (const sender of senders) last.set(sender.id, await endTransactions(sender, 2 * round, 2))
    if (round === 3) sizeBytes = sizeBytesOf(environment, partition)
    // Two are left open, one of them through a compaction.
    if (round === 2) await senders[0]!.send('open early')
    if (round === 2) senders.shift()
    environment.advance(15_000)
    await settle(environment)
  }
  await senders[0]!.send('open late')
  expect(readWholeFile(environment.files, `${PATH}/cleaner-offset-checkpoint`)?.toString()).toContain(STATE)
  expect(sizeBytesOf(environment, partition), 'less than before, although more was written').toBeLessThan(sizeBytes / 2)

  const crashed = environment.crash({ keepUnsynced: 'all' })
  const next = await createWorld(crashed).own()
  const expected = await visible(next)
  const committed = (id: string) => expected.filter((value) => value.startsWith(`${id}:`))
  expect(expected).not.toContain('open early')
  expect(expected).not.toContain('open late')
  for (const id of ids) {
    const ended = id === ids[0] ? 6 : 10
    const numbers = Array.from({ length: ended }, (_, n) => n).filter((n) => n % 3 > 0)
    expect(committed(id), id).toEqual(numbers.map((n) => `${id}:${n}`))
    const isOpen = id === ids[0] || id === ids[1]
    const asked = { transactionalId: id, ...last.get(id)! }
    // The last ended one was number 5, or 9: committed, or aborted.
    const results = id === ids[0] ? (['commit', 'abort'] as const) : (['abort', 'commit'] as const)
    if (isOpen)
      await expect(next.endTxn({ ...asked, result: results[0] })).rejects.toMatchObject({ code: 'PRODUCER_FENCED' })
    else {
      const { producerEpoch } = await next.endTxn({ ...asked, result: results[0] })
      expect(producerEpoch, id).toBe(asked.producerEpoch + 1)
      await expect(next.endTxn({ ...asked, result: results[1] })).rejects.toMatchObject({ code: 'PRODUCER_FENCED' })
    }
    const again = await Sender.begin(next, id)
    expect(again.producer.producerId, `${id} gets a new producer id`).not.toBe(asked.producerId)
    await again.send(`${id}:again`)
    await again.end('commit')
  }
  expect((await visible(next)).length).toBe(expected.length + ids.length)
  await next.close()
  const findings = await verifyDirectory(PATH, { environment: crashed })
  expect(findings.filter(({ severity }) => severity !== 'note')).toEqual([])
})

test('ids that are forgotten stay so when their last records are compacted away', async () => {
  const environment = new MemoryEnvironment({ clock: 'manual' })
  const world = createWorld(environment)
  const owner = await world.own()
  await create(owner, 't')
  const [kept = '', ...old] = idsOf(7, 9)
  for (const id of old) await endTransactions(await Sender.begin(owner, id), 0, 3)
  await owner.close()
  environment.advance(8 * DAY_MS)
  const second = await world.own()
  // Tombstones are kept for a day.
  for (const waitMs of [15_000, DAY_MS, 15_000]) {
    await endTransactions(await Sender.begin(second, kept), 0, 12)
    environment.advance(waitMs)
    await settle(environment)
  }
  const bytes = Buffer.concat(
    logFiles(environment, 7).map((file) => readWholeFile(environment.files, `${PATH}/${STATE}-7/${file}`)!),
  )
  expect(old.filter((id) => bytes.includes(id))).toEqual([])
  await second.close()
  const third = await world.own()
  for (const id of old) {
    const ended = third.endTxn({ transactionalId: id, producerId: 1, producerEpoch: 0, result: 'commit' })
    await expect(ended).rejects.toMatchObject({ message: expect.stringContaining('nobody') })
  }
  const sender = await Sender.begin(third, kept)
  await sender.send('again')
  await sender.end('commit')
  expect((await visible(third)).at(-1)).toBe('again')
})
