import { expect, test } from 'vitest'
import { shutdownSignal } from '../../../sdk/client/shutdown-signal.ts'

test('the first signal aborts it; afterwards the process listens no more, so that a second one ends it', () => {
  const before = process.listenerCount('SIGUSR2')
  const signal = shutdownSignal('SIGUSR2')
  expect(process.listenerCount('SIGUSR2')).toBe(before + 1)
  process.emit('SIGUSR2')
  expect(signal.aborted).toBe(true)
  expect(signal.reason).toMatchObject({ message: 'The process received SIGUSR2.' })
  expect(process.listenerCount('SIGUSR2')).toBe(before)
})

test('by default it waits for SIGTERM and SIGINT, and either ends the wait for both', () => {
  const counts = () => [process.listenerCount('SIGTERM'), process.listenerCount('SIGINT')]
  const before = counts()
  const signal = shutdownSignal()
  expect(counts()).toEqual(before.map((count) => count + 1))
  process.listeners('SIGINT').at(-1)!('SIGINT')
  expect(signal.aborted).toBe(true)
  expect(counts()).toEqual(before)
})

test('asking often costs one listener, and after a shutdown a new one is waited for', () => {
  const first = shutdownSignal('SIGUSR2')
  for (let n = 0; n < 50; n++) expect(shutdownSignal('SIGUSR2')).toBe(first)
  process.emit('SIGUSR2')
  const second = shutdownSignal('SIGUSR2')
  expect(second.aborted).toBe(false)
  process.emit('SIGUSR2')
  expect(second.aborted).toBe(true)
})
