import { onTestFinished } from 'vitest'
import { string } from '../../../../sdk/client/serde.ts'
import { MemoryEnvironment } from '../../../../sdk/environment/memory-environment.ts'
import { open } from '../../../../sdk/open.ts'
import type { Tidemark } from '../../../../sdk/tidemark.ts'
import { type Printed, type TerminalOptions, tidemark } from './memory-terminal.ts'

export interface Shop {
  readonly environment: MemoryEnvironment
  /** Runs a command on the directory: its first argument is the command's name, the second the directory. */
  run(command: string, ...rest: (string | TerminalOptions)[]): Promise<Printed>
  /** The directory's owner, as a program has it; closed at the end of the test. */
  open(): Promise<Tidemark>
}

/** A closed directory with a topic `payments` of two partitions, 6 and 4 records, which the group `fraud` read in part. */
export async function createShop(options: { readonly clock?: 'real' | 'manual' } = {}): Promise<Shop> {
  const environment = new MemoryEnvironment(options)
  {
    await using tide = await open('shop', { environment })
    const payments = tide.topic('payments', {
      partitions: 2,
      value: string,
    })
    await payments.sendBatch(
      [0, 0, 0, 0, 0, 0, 1, 1, 1, 1].map((partition, index) => ({
        partition,
        key: `card-${index % 3}`,
        value: `amount ${index}`,
        timestampMs: 1_700_000_000_000 + index * 1000,
        headers: index === 0 ? { trace: 'abc' } : {},
      })),
    )
    await tide.groups.commit('fraud', [
      { topic: 'payments', partition: 0, offset: 2, leaderEpoch: 0, metadata: 'mine' },
      { topic: 'payments', partition: 1, offset: 4 },
    ])
  }
  return {
    environment,
    run(command, ...rest) {
      const typed = rest.filter((each) => typeof each === 'string')
      const [more = {}] = rest.filter((each) => typeof each !== 'string')
      return tidemark([command, 'shop', ...typed], { environment, ...more })
    },
    async open() {
      const tide = await open('shop', { environment })
      onTestFinished(() => tide.close())
      return tide
    },
  }
}
