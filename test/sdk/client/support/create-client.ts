import { onTestFinished } from 'vitest'
import { ClientContext } from '../../../../sdk/client/client-context.ts'
import { string } from '../../../../sdk/client/serde.ts'
import { Topic, type TopicOptions } from '../../../../sdk/client/topic.ts'
import { MemoryEnvironment } from '../../../../sdk/environment/memory-environment.ts'
import { ScriptedBroker } from '../../../support/scripted-broker.ts'

export interface TestClient {
  readonly broker: ScriptedBroker
  readonly environment: MemoryEnvironment
  readonly context: ClientContext
  /** A topic of text. */
  topic(name?: string, options?: Partial<TopicOptions<string | null, string>>): Topic<string, string | null, string>
}

/** A client on a scripted broker. Its clock stands still until `environment.advance`, unless told otherwise. */
export function createClient(options: { readonly clock?: 'real' | 'manual' } = {}): TestClient {
  const environment = new MemoryEnvironment({ clock: options.clock ?? 'manual' })
  const broker = new ScriptedBroker()
  const context = new ClientContext({ broker, environment })
  onTestFinished(() => context.close().catch(() => {}))
  const topic: TestClient['topic'] = (name = 't', more = {}) => new Topic(context, name, { value: string, ...more })
  return { broker, environment, context, topic }
}

/** Lets everything happen that needs no time to pass. */
export async function turns(count = 10): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** Waits, turn by turn, until it is so. */
export async function until(what: string, isSo: () => boolean): Promise<void> {
  for (let turn = 0; turn < 2_000; turn++) {
    if (isSo()) return
    await turns(1)
  }
  throw new Error(`it never came about that ${what}`)
}
