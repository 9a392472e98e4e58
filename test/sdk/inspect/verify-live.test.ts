import { expect, onTestFinished, test } from 'vitest'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { verifyDirectory } from '../../../sdk/inspect/verify.ts'
import { open } from '../../../sdk/open.ts'
import { createCraftedDirectory, SECOND } from './support/crafted-directory.ts'

/** Small segments, so that they are rolled all the time. */
const CONFIGS = { 'internal.segment.bytes': '20000', 'index.interval.bytes': '500' }

async function createOwner(environment: MemoryEnvironment) {
  const tide = await open('/data', { environment })
  onTestFinished(() => tide.close().catch(() => {}))
  return tide
}

async function fill(environment: MemoryEnvironment, records: number): Promise<void> {
  await using tide = await open('/data', { environment })
  const topic = tide.topic('t', { partitions: 2, configs: CONFIGS })
  for (let sent = 0; sent < records; sent++) {
    await topic.send({ key: `${sent % 7}`, value: Buffer.alloc(50 + (sent % 300), 'v') })
  }
  let seen = 0
  for await (const _ of topic.consume({ group: 'g', follow: false, limit: records / 2 })) seen++
  expect(seen).toBe(records / 2)
}

test('nothing is found in what the SDK wrote: many segments, groups, several ownerships', async () => {
  const environment = new MemoryEnvironment()
  await fill(environment, 400)
  expect(await verifyDirectory('/data', { environment })).toEqual([])
  await fill(environment, 400)
  expect(await verifyDirectory('/data', { environment })).toEqual([])
  const segments = environment.files.list('/data/t-0').filter((name) => name.endsWith('.log'))
  expect(segments.length).toBeGreaterThan(3)
})

test('nothing worse than a note is found after a crash, however much the disk forgot', async () => {
  const environment = new MemoryEnvironment()
  await fill(environment, 100)
  const tide = await createOwner(environment)
  const topic = tide.topic('t')
  for (let sent = 0; sent < 200; sent++) {
    const done = topic.send({ key: `${sent % 7}`, value: Buffer.alloc(50 + (sent % 300), 'v') })
    if (sent % 10 === 0) await done
    else await environment.timers.yield()
    if (sent % 20 !== 19) continue
    for (const keepUnsynced of ['all', 'none', sent] as const) {
      const crashed = environment.crash({ keepUnsynced })
      const findings = await verifyDirectory('/data', { environment: crashed })
      expect(
        findings.filter(({ severity }) => severity !== 'note'),
        `record ${sent}, keepUnsynced ${keepUnsynced}`,
      ).toEqual([])
    }
  }
})

test('a power loss right after an orderly close leaves no trouble', async () => {
  const environment = new MemoryEnvironment()
  await fill(environment, 400)
  for (const keepUnsynced of ['none', 1, 2, 3] as const) {
    const findings = await verifyDirectory('/data', { environment: environment.crash({ keepUnsynced }) })
    // Snapshots of producer states are not flushed: whoever opens the directory does without them.
    expect(findings.filter(({ rule, severity }) => rule !== 'producer-snapshot' || severity !== 'note')).toEqual([])
  }
})

test('nothing is found in a directory that is being written to, rolled and committed to', async () => {
  const environment = new MemoryEnvironment()
  await fill(environment, 100)
  const tide = await createOwner(environment)
  const topic = tide.topic('t')
  let isDone = false
  const writing = (async () => {
    for (let sent = 0; !isDone; sent++) {
      await topic.send({ key: `${sent % 7}`, value: Buffer.alloc(50 + (sent % 300), 'v') })
      await environment.timers.yield()
    }
  })()
  const reading = (async () => {
    for await (const _ of topic.consume({ group: 'live', commit: { everyRecords: 3 } })) if (isDone) break
  })()
  try {
    for (let look = 0; look < 20; look++) {
      const findings = await verifyDirectory('/data', { environment: environment.anotherProcess() })
      expect(findings.filter(({ severity }) => severity !== 'note')).toEqual([])
    }
  } finally {
    isDone = true
    await writing
    await topic.send({ value: Buffer.from('the last one, for the reader') })
    await reading
  }
})

test('a batch caught half-written is not there at the second look; real damage is', async () => {
  const directory = createCraftedDirectory()
  const whole = directory.read(`${SECOND}.log`)
  const broken = Buffer.from(whole)
  broken[directory.batches[1]![2]!.position + 100]! ^= 1
  directory.write(`${SECOND}.log`, broken.subarray(0, -500))
  let looks = 0
  const findings = await verifyDirectory(directory.path, {
    environment: directory.environment,
    onProgress: ({ partitionsDone, partitionsTotal }) => {
      if (partitionsDone !== partitionsTotal) return
      looks += 1
      // The writer finishes while we look.
      directory.write(`${SECOND}.log`, broken)
    },
  })
  expect(looks).toBe(2)
  expect(findings.map(({ rule, offsetsLost }) => [rule, offsetsLost])).toEqual([['batch', { from: 42, to: 45 }]])
})
