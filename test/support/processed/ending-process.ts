/** A process that ends while a unit is in hand: `node ending-process.ts DIRECTORY EVENT PER BY`. */
import { open, shutdownSignal } from '../../../sdk/index.ts'
import {
  type CommitBy,
  commitOption,
  type Loop,
  type Per,
  runLoop,
  sendUnits,
  triggerCommit,
  untilCommitted,
} from './scenario.ts'

const [directory = '', event = '', perText = '', byText = ''] = process.argv.slice(2)
const per = perText as Per
const by = byText as CommitBy
const unitSize = per === 'record' ? 1 : 2

const tide = await open(directory)
const topic = tide.topic('t', { partitions: 2 })
const controller = new AbortController()
const signal = event === 'SIGTERM' ? shutdownSignal() : controller.signal
const consumer = topic.consume({ group: 'g', signal, commit: commitOption(by, unitSize, 150) })
const loop: Loop = { tide, topic, consumer, per, by, unitSize, controller, pass: () => {}, done: () => {} }

await sendUnits(loop, by === 'caught up' ? 2 : 5)
const running = runLoop(loop, {
  inHand: async (index) => {
    if (index === 2 && by !== 'caught up') await triggerCommit(loop, 2)
    if (index === 3) await strike()
    if (index > 3) throw new Error('a unit was handed out after the end')
    return 'go on'
  },
})
if (by === 'caught up') {
  await untilCommitted(tide, 2 * unitSize)
  await sendUnits(loop, 3)
}
await running
await tide.close()

async function strike(): Promise<void> {
  if (event === 'process.exit') process.exit(0)
  if (event === 'SIGKILL') process.kill(process.pid, 'SIGKILL')
  if (event === 'unhandled rejection') void Promise.reject(new Error('nobody handles this'))
  if (event === 'SIGTERM') {
    const aborted = new Promise((resolve) => signal.addEventListener('abort', resolve))
    // A body has something to wait for; an empty event loop would end the process before the signal arrives.
    const waiting = setInterval(() => {}, 1_000)
    process.kill(process.pid, 'SIGTERM')
    await aborted
    clearInterval(waiting)
    return
  }
  // The body goes on for ever: only the end of the process ends it.
  await new Promise((resolve) => setTimeout(resolve, 60_000))
}
