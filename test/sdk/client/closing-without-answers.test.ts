/** What becomes of those that close or leave while the process that owns the directory is stopped. */
import { expect, onTestFinished, test } from 'vitest'
import { string } from '../../../sdk/client/serde.ts'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { open } from '../../../sdk/open.ts'
import { passing, stoppable } from '../../support/stopped-owner.ts'

/** Five seconds of silence, and one for goodbye. */
const BOUND_MS = 6_500
const PATH = '/data'

/** An owner with ten records, and a neighbour whose loop has `a` in hand, the second. */
async function start() {
  const machine = new MemoryEnvironment({ clock: 'manual' })
  const owner = await open(PATH, { environment: machine, survives: 'process-crash' })
  await owner.topic('t', { value: string }).sendBatch(Array.from('0123456789', (value) => ({ value })))
  const { environment, stop, goOn } = stoppable(machine.anotherProcess())
  const told: string[] = []
  const logger = { info() {}, warn() {}, error: (text: string) => told.push(text) }
  const neighbour = await open(PATH, { environment, logger })
  onTestFinished(async () => {
    goOn()
    await neighbour.close().catch(() => {})
    await owner.close()
  })
  const topic = neighbour.topic('t', { value: string })
  await topic.send({ value: 'x' })
  const loop = topic.consume({ group: 'g' })[Symbol.asyncIterator]()
  const next = async () => (await passing(machine, loop.next())).answer.value?.value
  expect([neighbour.kind, await next(), await next()]).toEqual(['neighbour', '0', '1'])
  return { machine, told, owner, neighbour, topic, loop, stop, goOn }
}

/** How it ends, and after how long. */
async function outcome(machine: MemoryEnvironment, promise: Promise<unknown>) {
  const { answer, tookMs } = await passing(
    machine,
    promise.then(
      () => undefined,
      (error: unknown) => error,
    ),
  )
  expect(tookMs).toBeLessThan(BOUND_MS)
  return answer
}

test('close() ends within seconds, and says what is not known of the commit and of what was sent', async () => {
  const { machine, told, neighbour, topic, stop } = await start()
  stop()
  const sending = topic.send({ value: 'late' }).catch((error: unknown) => error)
  const error = await outcome(machine, neighbour.close())
  expect(error).toMatchObject({
    code: 'REQUEST_TIMED_OUT',
    message: expect.stringContaining('What was sent and not acknowledged may be stored or not'),
  })
  expect(told.at(-1)).toContain('What group "g" has processed and not committed may be handed out again.')
  expect(await sending).toMatchObject({
    code: 'CLOSED',
    message: expect.stringContaining('answered produce. Whether it was done is not known'),
  })
})

test('a loop that is left ends within seconds, and throws since its commit is not known; what was asked is done later', async () => {
  const { machine, owner, neighbour, loop, stop, goOn } = await start()
  stop()
  expect(await outcome(machine, loop.return!())).toMatchObject({
    code: 'REQUEST_TIMED_OUT',
    message: expect.stringContaining('What group "g" has processed and not committed may be handed out again.'),
  })
  // Nothing more is unknown.
  expect(await outcome(machine, neighbour.close())).toBeUndefined()
  goOn()
  await expect.poll(async () => (await owner.groups.describe('g')).members).toEqual([])
  expect(await owner.groups.offsets('g')).toMatchObject([{ offset: 1 }])
})

test('where everything is committed and acknowledged, close() resolves, though nobody hears that the group is left', async () => {
  const { machine, owner, neighbour, topic, loop, stop, goOn } = await start()
  // What was in hand is processed, and committed since the loop has caught up.
  const rest = async () => {
    for (let n = 2; n < 11; n++) await loop.next()
    void loop.next()
  }
  await passing(machine, rest())
  await expect
    .poll(() => passing(machine, owner.groups.offsets('g')).then(({ answer }) => answer))
    .toMatchObject([{ offset: 11 }])
  await passing(machine, topic.offsets('latest'))
  stop()
  expect(await outcome(machine, neighbour.close())).toBeUndefined()
  goOn()
  await expect.poll(async () => (await owner.groups.describe('g')).members).toEqual([])
})

test('while the owner answers, however late, close() waits', async () => {
  const { machine, neighbour, topic, stop, goOn } = await start()
  stop()
  const sending = topic.send({ value: 'late' })
  const closing = neighbour.close()
  machine.advance(4_000)
  for (let turn = 0; turn < 20; turn++) await machine.timers.yield()
  goOn()
  await passing(machine, closing)
  expect(await sending).toMatchObject({ offset: 11 })
})
