import { expect, test } from 'vitest'
import type { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import type { PartitionLog } from '../../../sdk/log/partition-log.ts'
import { append, createMachine, MEMORY_DIRECTORY, type OpenOptions, openLog, valuesOf } from './support/log-bench.ts'
import { Witness } from './support/witness.ts'

const SMALL: OpenOptions = { config: { segmentBytes: 600, indexIntervalBytes: 64 } }

interface Run {
  readonly environment: MemoryEnvironment
  readonly witness: Witness
  /** The newest recovery point a directory would have written. */
  recoveryPoint: number
}

type Script = (run: Run, open: (options?: OpenOptions) => PartitionLog) => Promise<void>

const SCRIPTS: Record<string, Script> = {
  'append, flush, append': async ({ witness }, open) => {
    const log = open()
    witness.append(log)
    await witness.flush(log)
    witness.append(log, 2)
  },
  'flush across a roll': async ({ witness }, open) => {
    const log = open()
    for (let n = 0; n < 5; n++) witness.append(log, 2, 0, 60)
    await witness.flush(log)
    for (let n = 0; n < 5; n++) witness.append(log, 1, 0, 90)
    await witness.flush(log)
    witness.append(log)
  },
  'close and reopen cleanly': async (run, open) => {
    const { witness } = run
    const log = open()
    for (let n = 0; n < 6; n++) witness.append(log, 2, 0, 60)
    witness.close(log)
    run.recoveryPoint = log.logEndOffset
    const again = open({ cleanShutdown: true })
    witness.append(again, 3)
    await witness.flush(again)
  },
  'finish, close and reopen cleanly': async (run, open) => {
    const { witness } = run
    const log = open()
    for (let n = 0; n < 5; n++) witness.append(log, 2, 0, 60)
    await log.finish()
    witness.close(log)
    run.recoveryPoint = log.logEndOffset
    const again = open({ cleanShutdown: true })
    witness.append(again, 3)
    await witness.flush(again)
  },
  'new epochs': async ({ witness }, open) => {
    const log = open()
    witness.append(log, 1, 0)
    await log.assignEpoch(1)
    witness.append(log, 1, 1)
    witness.append(log, 1, 4)
    await witness.flush(log)
  },
  'truncate and go on': async ({ witness }, open) => {
    const log = open()
    for (let n = 0; n < 8; n++) witness.append(log, 1, 0, 100)
    await witness.flush(log)
    witness.truncate(log, 2)
    witness.append(log)
    await witness.flush(log)
  },
  retention: async ({ witness }, open) => {
    const log = open()
    for (let n = 0; n < 12; n++) witness.append(log, 1, 0, 100)
    await witness.flush(log)
    witness.dropBelow(6)
    log.advanceLogStart(6)
    log.applyRetention(0)
    witness.append(log)
    await witness.flush(log)
  },
  'recover a crash': async (run, open) => {
    const { witness } = run
    const log = open()
    for (let n = 0; n < 6; n++) witness.append(log, 2, 0, 60)
    await witness.flush(log)
    run.recoveryPoint = log.flushedOffset
    witness.append(log, 2)
    const again = open({ cleanShutdown: false })
    witness.check(again, 'process-crash', 'reopened in the script')
    witness.adopt(again)
    run.recoveryPoint = again.flushedOffset
    witness.append(again)
  },
}

/** Runs a script in an environment that stops at its `stopAt`-th change; false when it came to its end. */
async function runUntil(script: Script, stopAt: number, machine = {}): Promise<Run & { stopped: boolean }> {
  const environment = createMachine(machine)
  const run: Run = { environment, witness: new Witness(), recoveryPoint: 0 }
  environment.failNext('change', { after: stopAt, error: 'EIO', sticky: true })
  const before = environment.counts.changes
  const open = (options: OpenOptions = {}): PartitionLog =>
    openLog({ environment, directory: MEMORY_DIRECTORY }, { ...SMALL, recoveryPoint: run.recoveryPoint, ...options })
  try {
    await script(run, open)
    return { ...run, stopped: environment.counts.changes - before > stopAt }
  } catch {
    return { ...run, stopped: true }
  }
}

function reopen(environment: MemoryEnvironment, recoveryPoint: number): PartitionLog {
  return openLog({ environment, directory: MEMORY_DIRECTORY }, { ...SMALL, recoveryPoint })
}

const MODELS = [
  ...[{ keepUnsynced: 'none' }, { keepUnsynced: 'all' }].map((model) => ({ ...model, mayHaveHoles: false })),
  // Files keep their unflushed bytes independently of each other, so the end of a full segment may be lost.
  ...[1, 2, 3, 4].map((seed) => ({ keepUnsynced: seed, mayHaveHoles: true })),
  ...[5, 6, 7, 8].map((seed) => ({ keepUnsynced: seed, reorder: true, mayHaveHoles: true })),
] as { keepUnsynced: 'none' | 'all' | number; reorder?: boolean; mayHaveHoles: boolean }[]

test.each(Object.keys(SCRIPTS))(
  'a crash at any change of "%s" keeps what was flushed, invents nothing, and the log goes on',
  async (name) => {
    let stopAt = 0
    for (let stopped = true; stopped; stopAt++) {
      const run = await runUntil(SCRIPTS[name]!, stopAt)
      stopped = run.stopped
      for (const { mayHaveHoles, ...model } of MODELS) {
        const context = `${name}, crash at change ${stopAt}, ${JSON.stringify(model)}`
        const environment = run.environment.crash(model)
        const survived = model.keepUnsynced === 'all' ? 'process-crash' : 'power-loss'
        const log = reopen(environment, run.recoveryPoint)
        run.witness.check(log, survived, context, mayHaveHoles)
        const before = valuesOf(log)
        append(log, 'after the crash')
        await log.flush()
        const { logEndOffset } = log
        const again = reopen(environment.crash(), logEndOffset)
        expect(valuesOf(again), context).toEqual([...before, 'after the crash'])
        again.close()
        const clean = openLog(
          { environment: again['environment'] as MemoryEnvironment, directory: MEMORY_DIRECTORY },
          { ...SMALL, recoveryPoint: logEndOffset, cleanShutdown: true },
        )
        expect(valuesOf(clean), context).toEqual([...before, 'after the crash'])
        expect(clean.recovery).toMatchObject({ tornBytes: 0, missing: undefined })
      }
    }
    expect(stopAt).toBeGreaterThan(5)
  },
)

test('a crash at any change keeps what was flushed where files have to lend each other two descriptors', async () => {
  for (const [name, script] of Object.entries(SCRIPTS)) {
    for (let stopAt = 0, stopped = true; stopped; stopAt++) {
      const run = await runUntil(script, stopAt, { maxOpenFiles: 4 })
      stopped = run.stopped
      for (const { mayHaveHoles, ...model } of MODELS.filter((_, at) => at % 3 === stopAt % 3)) {
        const context = `${name}, crash at change ${stopAt}, ${JSON.stringify(model)}`
        const log = reopen(run.environment.crash(model), run.recoveryPoint)
        const survived = model.keepUnsynced === 'all' ? 'process-crash' : 'power-loss'
        run.witness.check(log, survived, context, mayHaveHoles)
        const before = valuesOf(log)
        append(log, 'after the crash')
        log.close()
        expect(valuesOf(reopen(log['environment'] as MemoryEnvironment, log.logEndOffset)), context).toEqual([
          ...before,
          'after the crash',
        ])
      }
    }
  }
})

test('a crash inside recovery, at any change, is recovered from', async () => {
  for (const [name, script] of Object.entries(SCRIPTS)) {
    const run = await runUntil(script, Number.POSITIVE_INFINITY)
    for (const { mayHaveHoles, ...model } of MODELS.filter((_, at) => at % 3 === 0)) {
      for (let stopAt = 0; ; stopAt++) {
        const crashed = run.environment.crash(model)
        crashed.failNext('change', { after: stopAt, error: 'EIO', sticky: true })
        let opened = true
        try {
          reopen(crashed, run.recoveryPoint)
        } catch (error) {
          expect(error).toMatchObject({ code: 'STORAGE_ERROR' })
          opened = false
        }
        crashed.heal()
        for (const again of [{ keepUnsynced: 'none' }, { keepUnsynced: 'all' }, { keepUnsynced: stopAt }] as const) {
          const context = `${name}, ${JSON.stringify(model)}, again at change ${stopAt}, ${JSON.stringify(again)}`
          const log = reopen(crashed.crash(again), run.recoveryPoint)
          run.witness.check(log, model.keepUnsynced === 'all' ? 'process-crash' : 'power-loss', context, mayHaveHoles)
        }
        if (opened) break
      }
    }
  }
})
