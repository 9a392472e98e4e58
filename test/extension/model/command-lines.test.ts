import { expect, test } from 'vitest'
import { kafkaLine, tidemarkLine, undoLine } from '../../../extension/model/command-lines.ts'

const BASE = { directory: './data', group: 'fraud', target: 'earliest', isRunning: false } as const

test('a reset of a whole group as a command line, for a directory and for a cluster', () => {
  expect(tidemarkLine(BASE)).toBe('tidemark reset ./data --group fraud --to-earliest --execute')
  expect(tidemarkLine({ ...BASE, isRunning: true })).toContain(' --running --execute')
  expect(kafkaLine(BASE)).toBe(
    'kafka-consumer-groups --bootstrap-server localhost:9092 --group fraud --reset-offsets --all-topics --to-earliest --execute',
  )
})

test('an undo says for which topic it is, and goes over what a running group has committed since', () => {
  expect(undoLine(BASE)).toBe('tidemark undo ./data --group fraud --execute')
  expect(undoLine({ ...BASE, topic: 'payments', isRunning: true })).toBe(
    'tidemark undo ./data --group fraud --topic payments --running --force --execute',
  )
  expect(undoLine({ ...BASE, directory: '/a b' })).toContain(" '/a b' ")
})

test.for([
  [{ offset: 12 }, '--to-offset 12', '--to-offset 12'],
  [{ by: -3 }, '--by -3', '--shift-by -3'],
  [{ duration: 'PT30M' }, '--by-duration PT30M', '--by-duration PT30M'],
  [{ timestampMs: 0 }, '--to-datetime 1970-01-01T00:00:00.000', '--to-datetime 1970-01-01T00:00:00.000'],
  ['latest', '--to-latest', '--to-latest'],
] as const)('the target %o', ([target, ours, kafkas]) => {
  expect(tidemarkLine({ ...BASE, target })).toContain(` ${ours} `)
  expect(kafkaLine({ ...BASE, target })).toContain(` ${kafkas} `)
})

test('one partition of one topic', () => {
  expect(tidemarkLine({ ...BASE, topic: 'payments', partition: 2 })).toContain('--topic payments:2')
  expect(kafkaLine({ ...BASE, topic: 'payments', partition: 2 })).toContain('--topic payments:2')
})

test('what a shell would take apart is quoted', () => {
  expect(tidemarkLine({ ...BASE, directory: '/a b', group: "it's $HOME" })).toBe(
    `tidemark reset '/a b' --group 'it'\\''s $HOME' --to-earliest --execute`,
  )
})
