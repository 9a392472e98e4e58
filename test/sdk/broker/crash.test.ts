/** A machine that loses power, or a process that dies, at every operation on its disk. */
import { expect, test } from 'vitest'
import { Owner } from '../../../sdk/broker/owner.ts'
import type { CrashOptions } from '../../../sdk/environment/memory-disk.ts'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { verifyDirectory } from '../../../sdk/inspect.ts'
import { Chronicle } from '../../support/broker/chronicle.ts'
import { beat, commit, member, send } from '../../support/broker/requests.ts'
import { Script } from '../../support/broker/script.ts'
import { watchedEnvironment } from '../../support/broker/watched-environment.ts'
import { PATH } from '../../support/broker/worlds.ts'

const OPTIONS = { waitMs: 0, survives: 'power-loss' } as const
const SEEDS = process.env['SEED'] === undefined ? [1, 2, 3] : [Number(process.env['SEED'])]
const STEPS = Number(process.env['STEPS'] ?? 40)

interface Crash {
  readonly environment: MemoryEnvironment
  readonly chronicle: Chronicle
  readonly options: CrashOptions
  readonly what: string
}

/** Everything that was promised is there, nothing else is, and it goes on; the opening after that has nothing to mend. */
async function checkAfter({ environment, chronicle, options, what }: Crash, thorough: boolean): Promise<void> {
  try {
    const owner = await Owner.open(environment, PATH, OPTIONS)
    expect(owner.recovery.filter(({ isLoss }) => isLoss)).toEqual([])
    await chronicle.check(owner, options.keepUnsynced === 'all' ? 'process-crash' : 'power-loss')
    const { groups } = await owner.listGroups({})
    for (const group of groups) expect(group.state, group.group).toBe('Empty')
    for (const topic of chronicle.topics) {
      await send(owner, topic, `after ${topic}`)
      await commit(owner, 'after', topic, 0)
    }
    const topics = chronicle.topics
    if (topics.length > 0) {
      const joined = await beat(owner, 'members', member(999), { subscribedTopicNames: topics })
      expect(joined.assignment?.length).toBeGreaterThan(0)
    }
    await owner.close()
    const again = await Owner.open(environment, PATH, OPTIONS)
    expect(again.recovery).toEqual([])
    await again.close()
    if (thorough)
      expect((await verifyDirectory(PATH, { environment })).filter(({ severity }) => severity !== 'note')).toEqual([])
  } catch (error) {
    if (error instanceof Error) error.message = `${what}: ${error.message}`
    throw error
  }
}

for (const seed of SEEDS) {
  test(`after a crash at any operation of a disk every promise is kept (SEED=${seed} STEPS=${STEPS})`, {
    timeout: 120_000,
  }, async () => {
    const machine = new MemoryEnvironment({ clock: 'manual', seed })
    const chronicle = new Chronicle()
    let operations = 0
    let checked = 0
    let pending: Crash[] = []
    const crash = (keepUnsynced: 'none' | 'all' | number) => {
      const what = `SEED=${seed} operation ${operations} keepUnsynced ${keepUnsynced}`
      const options = { keepUnsynced }
      pending.push({ environment: machine.crash(options), chronicle: chronicle.copy(), options, what })
    }
    const environment = watchedEnvironment(machine, () => {
      const at = operations++
      crash((['none', seed * 100_000 + at, 'all'] as const)[at % 3]!)
    })
    const checkPending = async () => {
      const crashes = pending
      pending = []
      for (const crash of crashes) await checkAfter(crash, checked++ % 10 === 0)
    }
    const script = new Script(seed, chronicle)
    let owner = await Owner.open(environment, PATH, OPTIONS)
    for (let step = 1; step <= STEPS; step++) {
      if (step % 15 === 0) {
        await owner.close()
        owner = await Owner.open(environment, PATH, OPTIONS)
        script.forgetMembers()
      }
      await script.step(owner, machine.clock.nowMs())
      // At once, before anything more is flushed.
      crash('none')
      await checkPending()
    }
    await owner.close()
    await checkPending()
    expect(checked).toBeGreaterThan(STEPS * 3)
  })
}
