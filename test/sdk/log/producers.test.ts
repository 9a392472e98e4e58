import { expect, test } from 'vitest'
import type { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { decodeProducerSnapshot, encodeProducerSnapshot } from '../../../sdk/log/producer-snapshot.ts'
import { type ProducerEntry, ProducerState } from '../../../sdk/log/producer-state.ts'
import { readWholeFile } from '../../../sdk/log/whole-file.ts'
import { type BuildOptions, encodeBatch } from '../../../sdk/record/batch-builder.ts'
import { RecordBatch } from '../../../sdk/record/record-batch.ts'
import { append, createPlace, openLog, type Place } from './support/log-bench.ts'

const NOW_MS = 1_700_000_000_000

function data(count: number, options: BuildOptions): Buffer {
  const records = Array.from({ length: count }, () => ({ key: null, value: Buffer.from('v'), timestampMs: NOW_MS }))
  return encodeBatch(records, { producerEpoch: 0, ...options })
}

function marker(options: BuildOptions): Buffer {
  const record = { key: Buffer.from([0, 0, 0, 1]), value: Buffer.from([0, 0, 0, 0, 0, 5]), timestampMs: NOW_MS + 1 }
  return encodeBatch([record], { isControl: true, isTransactional: true, ...options })
}

function replay(...batches: Buffer[]): ProducerEntry[] {
  const state = new ProducerState()
  for (const batch of batches) state.replay(new RecordBatch(batch))
  return [...state.entries]
}

test('an empty snapshot has the bytes Kafka writes', () => {
  expect(encodeProducerSnapshot([]).toString('hex')).toBe('000148674bc700000000')
})

test('a snapshot is read as it was written; with any bit flipped it is of no use', () => {
  const entries = replay(data(3, { producerId: 7, baseOffset: 10, baseSequence: 4 }), data(1, { producerId: 2 ** 40 }))
  const bytes = encodeProducerSnapshot(entries)
  expect(decodeProducerSnapshot(bytes)).toEqual(entries)
  expect(decodeProducerSnapshot(Buffer.concat([bytes, Buffer.from('more')]))).toBeUndefined()
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = Buffer.from(bytes)
    flipped[bit >> 3] = flipped[bit >> 3]! ^ (1 << (bit & 7))
    expect(decodeProducerSnapshot(flipped), `bit ${bit}`).toBeUndefined()
  }
})

test('the newest batch counts, sequences wrap, batches without a producer do not matter', () => {
  const [entry, ...others] = replay(
    data(2, { producerId: 7, baseOffset: 10, baseSequence: 0 }),
    data(5, { baseOffset: 12 }),
    data(3, { producerId: 7, baseOffset: 17, baseSequence: 0x7fff_fffe }),
  )
  expect(others).toEqual([])
  expect(entry).toEqual({
    producerId: 7,
    producerEpoch: 0,
    lastSequence: 0,
    lastOffset: 19,
    offsetDelta: 2,
    timestampMs: NOW_MS,
    coordinatorEpoch: -1,
    currentTxnFirstOffset: -1,
  })
})

test('a transaction is open from its first batch to its marker; a marker of the next epoch keeps no batch', () => {
  const producer = { producerId: 7, isTransactional: true }
  const open = [
    data(2, { ...producer, baseOffset: 10, baseSequence: 0 }),
    data(1, { ...producer, baseOffset: 12, baseSequence: 2 }),
  ]
  expect(replay(...open)).toMatchObject([{ currentTxnFirstOffset: 10, lastOffset: 12 }])
  expect(replay(...open, marker({ producerId: 7, producerEpoch: 0, baseOffset: 13 }))).toMatchObject([
    { currentTxnFirstOffset: -1, coordinatorEpoch: 5, lastOffset: 12, lastSequence: 2, timestampMs: NOW_MS + 1 },
  ])
  expect(replay(...open, marker({ producerId: 7, producerEpoch: 1, baseOffset: 13 }))).toMatchObject([
    { currentTxnFirstOffset: -1, producerEpoch: 1, lastOffset: -1, lastSequence: -1, offsetDelta: 0 },
  ])
})

function snapshotOf(place: Place, offset: number): ProducerEntry[] | undefined {
  const path = `${place.directory}/${String(offset).padStart(20, '0')}.snapshot`
  return decodeProducerSnapshot(readWholeFile(place.environment.files, path) ?? Buffer.alloc(0))
}

test('snapshots are written at a roll and at a close, and a reopened log goes on from them', () => {
  const place = createPlace('memory')
  const log = openLog(place, { config: { segmentBytes: 420 } })
  const nowMs = place.environment.clock.nowMs()
  const batch = (baseSequence: number) => {
    const records = Array.from({ length: 12 }, () => ({ key: null, value: Buffer.from('v'), timestampMs: nowMs }))
    return encodeBatch(records, { producerId: 3, producerEpoch: 1, baseSequence })
  }
  log.append(batch(0), { leaderEpoch: 0 })
  log.append(batch(12), { leaderEpoch: 0 })
  append(log, `${'x'.repeat(100)}@${nowMs}`)
  expect(snapshotOf(place, 24)).toMatchObject([{ producerId: 3, lastSequence: 23, lastOffset: 23 }])
  log.close()
  expect(snapshotOf(place, 25)).toMatchObject([{ producerId: 3, lastSequence: 23 }])
  const names = () =>
    place.environment.files
      .list(place.directory)
      .filter((name) => name.endsWith('.snapshot'))
      .sort()
  const again = openLog(place, { cleanShutdown: true, recoveryPoint: 25, config: { segmentBytes: 420 } })
  again.append(batch(24), { leaderEpoch: 0 })
  again.close()
  expect(snapshotOf(place, 37)).toMatchObject([{ lastSequence: 35, lastOffset: 36 }])
  expect(names()).toEqual([24, 25, 37].map((offset) => `${String(offset).padStart(20, '0')}.snapshot`))
  for (let offset = 37; offset < 50; offset++) {
    const next = openLog(place, { cleanShutdown: true, recoveryPoint: offset, config: { segmentBytes: 4200 } })
    append(next, 'one more')
    next.close()
  }
  openLog(place, { cleanShutdown: true, recoveryPoint: 50 }).close()
  const kept = [24, ...Array.from({ length: 8 }, (_, at) => 43 + at)]
  expect(names(), 'those of segments, and the newest').toEqual(
    kept.map((offset) => `${String(offset).padStart(20, '0')}.snapshot`),
  )
})

test('a damaged snapshot is removed; the producers are found in the log', () => {
  for (const cleanShutdown of [true, false]) {
    const place = createPlace('memory')
    const log = openLog(place)
    const nowMs = place.environment.clock.nowMs()
    const record = { key: null, value: Buffer.from('v'), timestampMs: nowMs }
    log.append(encodeBatch([record], { producerId: 3, producerEpoch: 1, baseSequence: 7 }), { leaderEpoch: 0 })
    log.close()
    const path = `${place.directory}/${'1'.padStart(20, '0')}.snapshot`
    place.environment.files.open(path, { write: true }).truncate(20)
    const again = openLog(place, { cleanShutdown, recoveryPoint: 1 })
    append(again, 'more')
    again.close()
    expect(snapshotOf(place, 2)).toMatchObject([{ producerId: 3, lastSequence: 7 }])
  }
})

test('a kill in a large segment costs neither a walk through all of it nor what producers are remembered', async () => {
  const place = createPlace('memory')
  const log = openLog(place, { config: { maxMessageBytes: 2 ** 25 } })
  const nowMs = place.environment.clock.nowMs()
  const value = Buffer.alloc(1_000_000)
  for (let sequence = 0; sequence < 60; sequence++) {
    const batch = encodeBatch([{ key: null, value, timestampMs: nowMs }], {
      producerId: 3,
      producerEpoch: 1,
      baseSequence: sequence,
    })
    log.append(batch, { leaderEpoch: 0 })
    if (sequence % 5 === 4) await log.flush()
  }
  const machine = place.environment as MemoryEnvironment
  for (const keepUnsynced of ['all', 'none'] as const) {
    const environment = machine.crash({ keepUnsynced })
    const again = openLog({ ...place, environment }, { recoveryPoint: 60 })
    // After a power loss the newest snapshot and the end of the index may be gone.
    expect(environment.counts.read).toBeLessThan(keepUnsynced === 'all' ? 50 : 80)
    expect(again.segments()).toMatchObject([{ baseOffset: 0, endOffset: 60, maxTimestampMs: nowMs }])
    again.close()
    expect(snapshotOf({ ...place, environment }, 60)).toMatchObject([{ producerId: 3, lastSequence: 59 }])
    const index = (name: string) => readWholeFile(environment.files, `${place.directory}/${'0'.repeat(20)}.${name}`)
    const trusting = [index('index'), index('timeindex')]
    const whole = openLog({ ...place, environment })
    whole.close()
    expect([index('index'), index('timeindex')], 'the same as when all of it is walked').toEqual(trusting)
  }
})
