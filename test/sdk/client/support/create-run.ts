import { onTestFinished } from 'vitest'
import { MemoryEnvironment } from '../../../../sdk/environment/memory-environment.ts'
import { type ConsumeOptions, type Consumer, open, string, type TopicRecord } from '../../../../sdk/index.ts'
import { turns, until } from './create-client.ts'

export type Text = TopicRecord<string, string | null, string>

/** A directory in memory whose clock stands still, with a topic `t` of `records`: key and value, or null and value. */
export async function createRun(
  records: readonly (readonly [key: string | null, value: string])[] = [],
  options: { readonly partitions?: number; readonly environment?: MemoryEnvironment; readonly clock?: 'real' } = {},
) {
  const environment = options.environment ?? new MemoryEnvironment({ clock: options.clock ?? 'manual' })
  const tide = await open('memory:', { environment })
  onTestFinished(() => tide.close().catch(() => {}))
  const topic = tide.topic('t', { value: string, partitions: options.partitions ?? 1 })
  if (records.length > 0) await topic.sendBatch(records.map(([key, value]) => ({ key, value })))
  return {
    environment,
    tide,
    topic,
    consume: (more: Partial<ConsumeOptions> = {}): Consumer<Text> =>
      topic.consume({ group: 'g', follow: false, ...more }),
    committed: async () => (await tide.groups.offsets('g'))[0],
  }
}

/** A handler whose records are through, or fail, when the test says so. */
export class HeldHandler {
  /** Those that run now, by value. */
  readonly running = new Map<string, { resolve(): void; reject(error: unknown): void; signal: AbortSignal }>()
  /** Values in the order in which they were begun. */
  readonly begun: string[] = []
  mostAtOnce = 0

  readonly handle = (record: Text, attempt: { readonly signal: AbortSignal }): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.begun.push(record.value)
    this.running.set(record.value, { resolve, reject, signal: attempt.signal })
    this.mostAtOnce = Math.max(this.mostAtOnce, this.running.size)
    return promise.finally(() => this.running.delete(record.value))
  }

  async runs(...values: readonly string[]): Promise<void> {
    await until(`${values.join()} run, not ${[...this.running.keys()].join()}`, () => {
      return this.running.size === values.length && values.every((value) => this.running.has(value))
    })
    // Nothing more is begun.
    await turns()
    if (this.running.size !== values.length)
      throw new Error(`more than ${values.join()} run: ${[...this.running.keys()]}`)
  }

  async finish(...values: readonly string[]): Promise<void> {
    for (const value of values) this.running.get(value)!.resolve()
    await turns()
  }
}
