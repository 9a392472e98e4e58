import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { readAround } from '../../../extension/source/record-reader.ts'
import { SampleWorkspace } from '../../support/vscode/sample-workspace.ts'

async function createWorkspace() {
  const workspace = await SampleWorkspace.create()
  onTestFinished(() => workspace[Symbol.asyncDispose]())
  return { tide: workspace.tide, source: join(workspace.folder, 'data') }
}

test('a record is read with its neighbours, and with the byte of the file at which its batch begins', async () => {
  const { tide, source } = await createWorkspace()
  // Each in a batch of its own, behind one that holds thirty.
  for (let index = 30; index < 40; index++) await tide.topic('refunds').send({ value: Buffer.from(`refund ${index}`) })
  const records = await readAround(tide, { source, topic: 'refunds', partition: 0, offset: 31 })
  expect(records.map(({ offset }) => offset)).toEqual([28, 29, 30, 31, 32, 33, 34, 35, 36, 37])
  const file = readFileSync(join(source, 'refunds-0/00000000000000000000.log'))
  const baseOffsets = records.map((record) => file.readBigInt64BE(record.filePlace?.position))
  expect(baseOffsets).toEqual([0n, 0n, 30n, 31n, 32n, 33n, 34n, 35n, 36n, 37n])
  expect(new Set(records.map((record) => record.filePlace?.file))).toEqual(new Set(['00000000000000000000.log']))
})

test('the newest records are the last twenty, newest first', async () => {
  const { tide, source } = await createWorkspace()
  const records = await readAround(tide, { source, topic: 'refunds', partition: 0, offset: 'end' })
  expect(records.map(({ offset }) => offset)).toEqual(Array.from({ length: 20 }, (_, index) => 29 - index))
})

test('at the end its neighbours are there, and a partition without records has none', async () => {
  const { tide, source } = await createWorkspace()
  const records = await readAround(tide, { source, topic: 'refunds', partition: 0, offset: 30 })
  expect(records.map(({ offset }) => offset)).toEqual([27, 28, 29])
  await tide.topics.create('empty')
  for (const offset of ['end', 0] as const) {
    expect(await readAround(tide, { source, topic: 'empty', partition: 0, offset })).toEqual([])
  }
})

test('newest records come to an end while a program sends without a pause', async () => {
  const { tide, source } = await createWorkspace()
  const sending = new AbortController()
  const sent = (async () => {
    while (!sending.signal.aborted) await tide.topic('refunds').send({ value: Buffer.from('more') })
  })()
  const records = await readAround(tide, { source, topic: 'refunds', partition: 0, offset: 'end' })
  sending.abort()
  await sent
  expect(records).toHaveLength(20)
})
