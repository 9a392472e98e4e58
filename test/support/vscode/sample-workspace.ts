import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open, type Tidemark } from '../../../sdk/index.ts'

/** A workspace with a data directory in it, owned by this process. `await using` closes and removes it. */
export class SampleWorkspace implements AsyncDisposable {
  readonly folder: string
  readonly tide: Tidemark

  private constructor(folder: string, tide: Tidemark) {
    this.folder = folder
    this.tide = tide
  }

  /** Three thousand payments in three partitions; `fraud` has read half of them, `mail` all thirty refunds. */
  static async create(): Promise<SampleWorkspace> {
    const folder = mkdtempSync(join(tmpdir(), 'tidemark-workspace-'))
    const tide = await open(join(folder, 'data'))
    const payments = tide.topic('payments', { partitions: 3 })
    const refunds = tide.topic('refunds')
    const keyed = Array.from({ length: 3_000 }, (_, index) => ({
      key: `card-${index}`,
      value: Buffer.from(JSON.stringify({ amount: index })),
    }))
    await payments.sendBatch(keyed)
    await refunds.sendBatch(Array.from({ length: 30 }, (_, index) => ({ value: Buffer.from(`refund ${index}`) })))
    for await (const _ of payments.consume({ group: 'fraud', limit: 1_500 }));
    for await (const _ of refunds.consume({ group: 'mail', follow: false }));
    return new SampleWorkspace(folder, tide)
  }

  /** Has the group `printer` give up on all thirty refunds: dead letters in `refunds-failed`. */
  async leaveDeadLetters(): Promise<void> {
    const print = ({ offset }: { readonly offset: number }) => {
      throw new RangeError(`no printer for page ${offset}`)
    }
    const onFailure = { deadLetter: 'refunds-failed' }
    await this.tide.topic('refunds').consume({ group: 'printer', follow: false }).run(print, { onFailure })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.tide.close()
    rmSync(this.folder, { recursive: true, force: true })
  }
}
