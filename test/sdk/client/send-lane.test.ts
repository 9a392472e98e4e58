/** Batches of one client to one partition: in order, none twice, whatever becomes of a request. */
import { expect, test } from 'vitest'
import type { Broker, ProduceRequest, ProduceResponse } from '../../../sdk/broker/broker.ts'
import { ClientContext } from '../../../sdk/client/client-context.ts'
import { string } from '../../../sdk/client/serde.ts'
import { Topic } from '../../../sdk/client/topic.ts'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { randomFrom } from '../../../sdk/environment/seeded-random.ts'
import { TidemarkError } from '../../../sdk/errors.ts'
import { RecordBatch } from '../../../sdk/record/record-batch.ts'
import { create, readAll } from '../../support/broker/requests.ts'
import { createWorld } from '../../support/broker/worlds.ts'
import { overridden } from '../../support/overridden.ts'
import { createClient, turns } from './support/create-client.ts'

function header(request: ProduceRequest): RecordBatch {
  return new RecordBatch(Buffer.from(request.partitions[0]!.records))
}

function sequencesOf(requests: readonly ProduceRequest[]): string[] {
  return requests.map((request) => {
    const { producerId, producerEpoch, baseSequence } = header(request)
    return `${producerId}/${producerEpoch}@${baseSequence}`
  })
}

/** A client on an owner whose every produce goes through `produce`. */
async function clientOf(
  owner: Broker,
  produce: (request: ProduceRequest, usual: () => Promise<ProduceResponse>) => Promise<ProduceResponse>,
) {
  const broker = overridden(owner, { produce: (request) => produce(request, () => owner.produce(request)) })
  const context = new ClientContext({ broker, environment: new MemoryEnvironment() })
  return { context, topic: () => new Topic(context, 't', { value: string }) }
}

test('handles of one topic share one producer id and one sequence per partition', async () => {
  const { broker, topic } = createClient()
  const [one, other] = [topic('t', { partitions: 2 }), topic('t', { partitions: 2 })]
  for (let n = 0; n < 2; n++) {
    await one.sendBatch([0, 0, 1].map((partition) => ({ value: 'x', partition })))
    await other.send({ value: 'x', partition: 0 })
  }
  await topic('u').send({ value: 'x' })
  expect(sequencesOf(broker.seen('produce'))).toEqual(['1/0@0', '1/0@0', '1/0@2', '1/0@3', '1/0@1', '1/0@5', '1/0@0'])
  expect(broker.seen('initProducerId').length).toBe(1)
})

test('a client that sends nothing asks for no producer id', async () => {
  const { broker, topic } = createClient()
  broker.addTopic('t')
  for await (const _ of topic().read({ follow: false }));
  expect(broker.seen('initProducerId')).toEqual([])
})

test('where no producer id is to be had the send fails, and the next one asks again', async () => {
  const { broker, topic } = createClient()
  broker.override('initProducerId', async () => {
    broker.restore('initProducerId')
    throw new TidemarkError('STORAGE_ERROR', 'the disk is full')
  })
  await expect(topic().send({ value: 'a' })).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
  expect((await topic().send({ value: 'b' })).offset).toBe(0)
})

test('what goes behind a batch that is refused is sent again, in order, in a new epoch', async () => {
  const owner = await createWorld().own()
  await create(owner, 't', 1, { 'max.message.bytes': '1000' })
  const seen: ProduceRequest[] = []
  const { topic } = await clientOf(owner, async (request, usual) => {
    seen.push({ partitions: [{ ...request.partitions[0]!, records: Buffer.from(request.partitions[0]!.records) }] })
    return await usual()
  })
  const t = topic()
  await t.send({ value: 'first' })
  const sends: Promise<unknown>[] = []
  for (const value of ['a', 'x'.repeat(2_000), 'b', 'c', 'd', 'e', 'f']) {
    sends.push(t.send({ value }))
    await Promise.resolve()
  }
  const settled = await Promise.allSettled(sends)
  expect(settled.map(({ status }) => status === 'rejected')).toEqual([false, true, false, false, false, false, false])
  expect(settled[1]).toMatchObject({ reason: { code: 'MESSAGE_TOO_LARGE' } })
  expect(await readAll(owner, 't')).toEqual(['0=first', '1=a', '2=b', '3=c', '4=d', '5=e', '6=f'])
  const [begin, ...rest] = sequencesOf(seen)
  expect(begin).toBe('0/0@0')
  expect(rest).toContain('0/1@0')
})

test('a batch that comes late, after its sender gave it up, is not stored', async () => {
  const owner = await createWorld().own()
  await create(owner, 't')
  let late: ProduceRequest | undefined
  const { topic } = await clientOf(owner, async (request, usual) => {
    if (header(request).baseSequence !== 1 || late !== undefined) return await usual()
    late = { partitions: [{ ...request.partitions[0]!, records: Buffer.from(request.partitions[0]!.records) }] }
    throw new TidemarkError('REQUEST_TIMED_OUT', 'no answer')
  })
  const t = topic()
  await t.send({ value: 'a' })
  await expect(t.send({ value: 'lost' })).rejects.toMatchObject({ code: 'REQUEST_TIMED_OUT' })
  await t.send({ value: 'b' })
  expect((await owner.produce(late!)).partitions[0]?.error?.code).toBe('INVALID_PRODUCER_EPOCH')
  expect(await readAll(owner, 't')).toEqual(['0=a', '1=b'])
})

test('after the last epoch a new producer id is asked for', async () => {
  const { broker, context, topic } = createClient()
  broker.override('initProducerId', async (_, usual) => ({ ...(await usual()), producerEpoch: 0x7ffe }))
  const t = topic()
  await t.send({ value: 'a' })
  for (let n = 0; n < 2; n++) {
    broker.override('produce', async () => {
      broker.restore('produce')
      throw new TidemarkError('STORAGE_ERROR', 'the disk is full')
    })
    await expect(t.send({ value: 'x' })).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
  }
  await t.send({ value: 'b' })
  expect(sequencesOf(broker.seen('produce'))).toEqual(['1/32766@0', '1/32766@1', '1/32767@0', '2/32766@0'])
  await context.close()
})

const SEED = Number(process.env['SEED'] ?? 1)

test(`whatever fails, before or after it was stored: in order, and once what was acknowledged (SEED=${SEED})`, async () => {
  const random = randomFrom(SEED)
  let acknowledged = 0
  for (let round = 0; round < 60; round++) {
    const owner = await createWorld().own()
    await create(owner, 't')
    const lost = new TidemarkError('REQUEST_TIMED_OUT', 'no answer')
    const { topic } = await clientOf(owner, async (request, usual) => {
      const fate = random.below(12)
      if (fate === 0) throw lost
      if (fate === 1) await turns(random.below(3))
      const copy = { partitions: [{ ...request.partitions[0]!, records: Buffer.from(request.partitions[0]!.records) }] }
      const answer = await usual()
      // What a neighbour does when the owner went before it answered.
      if (fate === 2) return await owner.produce(copy)
      if (fate === 3) throw lost
      return answer
    })
    const handles = [topic(), topic()]
    const senders: number[] = []
    const outcomes: Promise<{ readonly n: number; readonly offset: number }>[] = []
    for (let n = 0; n < 60; n++) {
      const sender = random.below(2)
      senders.push(sender)
      const sent = handles[sender]!.send({ value: `${n}` })
      outcomes.push(
        sent.then(
          ({ offset }) => ({ n, offset }),
          () => ({ n, offset: -1 }),
        ),
      )
      if (random.below(3) > 0) await Promise.resolve()
      if (random.below(8) === 0) await turns(1)
    }
    const settled = await Promise.all(outcomes)
    const stored = (await readAll(owner, 't')).map((text) => Number(text.split('=')[1]))
    const what = `SEED=${SEED} round ${round}: ${stored}`
    expect(new Set(stored).size, `none twice, ${what}`).toBe(stored.length)
    for (const { n, offset } of settled) if (offset >= 0) expect(stored[offset], what).toBe(n)
    for (const sender of [0, 1]) {
      const own = stored.filter((n) => senders[n] === sender)
      expect(own, what).toEqual(own.toSorted((one, other) => one - other))
    }
    acknowledged += settled.filter(({ offset }) => offset >= 0).length
    await owner.close()
  }
  expect(acknowledged).toBeGreaterThan(60 * 30)
})
