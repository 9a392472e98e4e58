/** Who only looks asks the owner while there is one that answers, and the files else; and is a burden to nobody. */
import { expect, onTestFinished, test } from 'vitest'
import { LocalBroker } from '../../../sdk/broker/local-broker.ts'
import { Onlooker } from '../../../sdk/broker/onlooker.ts'
import type { Environment } from '../../../sdk/environment/environment.ts'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { commit, committed, create, offsetAt, readAll, send } from '../../support/broker/requests.ts'
import { PATH } from '../../support/broker/worlds.ts'
import { passing, stoppable } from '../../support/stopped-owner.ts'

async function own(environment: MemoryEnvironment): Promise<LocalBroker> {
  const options = { waitMs: 0, survives: 'process-crash', clientId: 'program' } as const
  const broker = await LocalBroker.open(environment, PATH, options)
  onTestFinished(() => broker.close().catch(() => {}))
  return broker
}

function look(environment: Environment): Onlooker {
  const onlooker = new Onlooker(environment, PATH)
  onTestFinished(() => onlooker.close())
  return onlooker
}

/** A program with a topic of one record, which a group has read. */
async function start(clock: 'real' | 'manual' = 'real') {
  const machine = new MemoryEnvironment({ clock })
  const broker = await own(machine)
  await create(broker, 't')
  await send(broker, 't', 'a')
  await commit(broker, 'g', 't', 1)
  return { machine, broker }
}

test('the owner answers, and no file is read', async () => {
  const { machine, broker } = await start()
  const there = machine.anotherProcess()
  const onlooker = look(there)
  expect(await committed(onlooker, 'g')).toEqual(['t-0@1'])
  for (const operation of ['open', 'read', 'list'] as const) there.failNext(operation, { error: 'EIO', sticky: true })
  await send(broker, 't', 'b')
  await commit(broker, 'g', 't', 2)
  expect(await committed(onlooker, 'g')).toEqual(['t-0@2'])
  expect(await offsetAt(onlooker, 't', 'latest')).toMatchObject({ offset: 2 })
  expect(await readAll(onlooker, 't')).toEqual(['0=a', '1=b'])
  expect([onlooker.hasOwner, onlooker.ownerPid]).toEqual([true, machine.process.pid])
})

for (const [how, end] of [
  ['closes', (broker: LocalBroker) => broker.close()],
  ['is killed', (_: LocalBroker, machine: MemoryEnvironment) => machine.kill()],
] as const) {
  test(`when the owner ${how} the files answer at once, nobody takes the directory, and the next owner is asked again`, async () => {
    const { machine, broker } = await start('manual')
    const onlooker = look(machine.anotherProcess())
    expect(await committed(onlooker, 'g')).toEqual(['t-0@1'])
    await end(broker, machine)
    expect(await committed(onlooker, 'g')).toEqual(['t-0@1'])
    expect([onlooker.hasOwner, onlooker.ownerPid]).toEqual([false, null])
    const next = machine.anotherProcess()
    expect((await own(next)).kind).toBe('owner')
    machine.advance(500)
    expect(await readAll(onlooker, 't')).toEqual(['0=a'])
    expect([onlooker.hasOwner, onlooker.ownerPid]).toEqual([true, next.process.pid])
  })
}

test('an owner that is stopped is waited for a second, then the files are read; it is asked again when it goes on', async () => {
  const { machine } = await start('manual')
  const { environment, stop, goOn } = stoppable(machine.anotherProcess())
  const onlooker = look(environment)
  await onlooker.metadata({ topics: null })
  stop()
  expect(await passing(machine, committed(onlooker, 'g'))).toEqual({ answer: ['t-0@1'], tookMs: 1000 })
  expect([onlooker.hasOwner, onlooker.ownerPid]).toEqual([false, machine.process.pid])
  // Not every question costs a second.
  expect(await passing(machine, committed(onlooker, 'g'))).toMatchObject({ tookMs: 0 })
  const owner = { pid: machine.process.pid, clientId: null, sinceMs: null }
  expect(await passing(machine, onlooker.describeCluster({}))).toMatchObject({
    answer: { owner, neighbours: null },
    tookMs: 0,
  })
  machine.advance(5000)
  expect(await passing(machine, committed(onlooker, 'g'))).toEqual({ answer: ['t-0@1'], tookMs: 1000 })
  goOn()
  machine.advance(5000)
  expect(await committed(onlooker, 'g')).toEqual(['t-0@1'])
  expect(onlooker.hasOwner).toBe(true)
})

test('an owner that cannot be connected to, such as a broker or that of another user, is read in its files', async () => {
  const { machine } = await start()
  const there = machine.anotherProcess()
  there.failNext('connect', { error: 'EACCES', sticky: true })
  const onlooker = look(there)
  expect(await committed(onlooker, 'g')).toEqual(['t-0@1'])
  expect([onlooker.hasOwner, onlooker.ownerPid]).toEqual([false, machine.process.pid])
})

test("it is nobody's neighbour, changes nothing, and an owner that closes does not wait for it", async () => {
  const { machine, broker } = await start('manual')
  const { environment, stop } = stoppable(machine.anotherProcess())
  const onlooker = look(environment)
  expect(await onlooker.describeCluster({})).toMatchObject({ owner: { pid: machine.process.pid }, neighbours: [] })
  expect(broker.servesOthers).toBe(false)
  await expect(create(onlooker, 'mine')).rejects.toMatchObject({ code: 'READ_ONLY' })
  stop()
  expect(await passing(machine, broker.close())).toMatchObject({ tookMs: 0 })
})
