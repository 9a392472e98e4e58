import { expect, test } from 'vitest'
import { Breath } from '../../../sdk/client/breath.ts'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { ScriptedBroker } from '../../support/scripted-broker.ts'

test('a loop lets the event loop turn every 10 ms, and every millisecond while other processes wait for answers', async () => {
  const environment = new MemoryEnvironment({ clock: 'manual' })
  const broker = new ScriptedBroker()
  const breath = new Breath({ environment, broker })
  const heldMs = async (): Promise<number> => {
    for (let ms = 0; ; ms++) {
      const turn = breath.take()
      await turn
      if (turn !== undefined) return ms
      environment.advance(1)
    }
  }
  expect(await heldMs()).toBe(10)
  broker.servesOthers = true
  expect(await heldMs()).toBe(1)
})
