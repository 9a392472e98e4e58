import { onTestFinished } from 'vitest'
import type { Broker, OffsetCommitRequest } from '../../../../sdk/broker/broker.ts'
import { Owner } from '../../../../sdk/broker/owner.ts'
import { ClientContext } from '../../../../sdk/client/client-context.ts'
import { Topic } from '../../../../sdk/client/topic.ts'
import { MemoryEnvironment } from '../../../../sdk/environment/memory-environment.ts'

/** Topics with their numbers of partitions. */
export const TOPICS: Readonly<Record<string, number>> = { payments: 3, refunds: 2, mails: 1 }

/** Records that every partition has. */
export const RECORDS = 12

/** A directory with some records, shared by many histories: each is another group's. */
export class GroupWorld {
  readonly environment: MemoryEnvironment
  readonly owner: Owner
  readonly context: ClientContext

  private constructor(environment: MemoryEnvironment, owner: Owner) {
    this.environment = environment
    this.owner = owner
    this.context = new ClientContext({ broker: owner, environment })
  }

  static async create(seed: number): Promise<GroupWorld> {
    const environment = new MemoryEnvironment({ clock: 'manual', seed })
    const owner = await Owner.open(environment, '/data', { waitMs: 0, survives: 'process-crash' })
    onTestFinished(() => owner.close().catch(() => {}))
    const world = new GroupWorld(environment, owner)
    for (const [name, partitions] of Object.entries(TOPICS)) {
      const records = Array.from({ length: partitions * RECORDS }, (_, index) => ({
        value: Buffer.from('x'),
        partition: index % partitions,
      }))
      // Two batches a partition, so that commits and resets also fall on the border of one.
      const topic = new Topic(world.context, name, { partitions })
      await topic.sendBatch(records.slice(0, (partitions * RECORDS) / 2))
      await topic.sendBatch(records.slice((partitions * RECORDS) / 2))
    }
    return world
  }

  /** The owner, with an ear on the commits that it accepts. */
  overheard(accepted: (request: OffsetCommitRequest, refused: ReadonlySet<string>) => void): Broker {
    return new Proxy<Broker>(this.owner, {
      get: (owner, name) => {
        if (name !== 'offsetCommit') {
          const value: unknown = Reflect.get(owner, name, owner)
          return typeof value === 'function' ? value.bind(owner) : value
        }
        return async (request: OffsetCommitRequest) => {
          const answer = await this.owner.offsetCommit(request)
          const refused = answer.partitions.filter(({ error }) => error !== null)
          accepted(request, new Set(refused.map(({ topic, partition }) => `${topic}-${partition}`)))
          return answer
        }
      },
    })
  }
}
