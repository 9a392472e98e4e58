import { onTestFinished } from 'vitest'
import type { Broker, OffsetCommitRequest, TopicPartition } from '../../../../sdk/broker/broker.ts'
import { Owner } from '../../../../sdk/broker/owner.ts'
import { ClientContext } from '../../../../sdk/client/client-context.ts'
import { Topic } from '../../../../sdk/client/topic.ts'
import { MemoryEnvironment } from '../../../../sdk/environment/memory-environment.ts'
import { overridden } from '../../../support/overridden.ts'

/** Topics with their numbers of partitions. */
export const TOPICS: Readonly<Record<string, number>> = { payments: 3, refunds: 2, mails: 1 }

/** Records that every partition has. */
export const RECORDS = 12

/** What a member's words and answers mean to whoever watches. Partitions by name, `payments-0`. */
export interface Ear {
  committed(request: OffsetCommitRequest, refused: ReadonlySet<string>): void
  /** The group says that these are its, whether it has heard that yet or not. */
  given(partitions: ReadonlySet<string>): void
  /** It says that it has these, and no others. */
  owns(partitions: ReadonlySet<string>): void
  /** It hears that the group was moved there. */
  moved(partitions: readonly string[]): void
}

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

  /** The owner, with an ear on what one member says to it and hears from it. */
  overheard(ear: Ear): Broker {
    return this.withRequests({
      offsetCommit: async (request) => {
        const answer = await this.owner.offsetCommit(request)
        const refused = answer.partitions.filter(({ error }) => error !== null)
        ear.committed(request, new Set(refused.map(nameOf)))
        return answer
      },
      consumerGroupHeartbeat: async (request) => {
        if (request.owned !== null) ear.owns(new Set(request.owned.map(nameOf)))
        const { moved, ...answer } = await this.owner.consumerGroupHeartbeat(request)
        if (answer.assignment !== null) ear.given(new Set(answer.assignment.map(nameOf)))
        if (moved === undefined) return answer
        return {
          ...answer,
          // In the moment in which the member looks at it.
          get moved() {
            ear.moved(moved.map(nameOf))
            return moved
          },
        }
      },
    })
  }

  /** The owner, but for some of its requests. */
  withRequests(requests: Partial<Broker>): Broker {
    return overridden<Broker>(this.owner, requests)
  }
}

export function nameOf({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`
}
