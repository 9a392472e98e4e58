import type { PartitionLog } from '../log/partition-log.ts'
import { groupPartition } from '../offsets/group-partition.ts'
import type { LedPartition, LedPartitions } from './led-partitions.ts'
import type { MetadataLog } from './metadata-log.ts'

interface Parts {
  readonly metadata: MetadataLog
  readonly partitions: LedPartitions
  /** Makes the topic; does nothing where it is there. */
  readonly create: () => Promise<void>
}

/** The topic behind a coordinator, `__consumer_offsets` or `__transaction_state`: a group, or an id, has one partition of it. */
export class CoordinatorTopic {
  readonly #name: string
  readonly #parts: Parts

  constructor(name: string, parts: Parts) {
    this.#name = name
    this.#parts = parts
  }

  /** The logs that are on the disk. */
  *logs(): Generator<PartitionLog> {
    for (const partition of this.#image?.partitions.keys() ?? []) {
      const log = this.#parts.partitions.find(this.#name, partition)
      if (log !== undefined && log !== 'empty') yield log
    }
  }

  /** The partition of a group or an id, if this ownership has written to it before. */
  led(id: string): LedPartition | undefined {
    const topic = this.#image
    return topic && this.#parts.partitions.led(this.#name, groupPartition(id, topic.partitions.size))
  }

  /** The same, made ready for appends; the topic is created where there is none. */
  async lead(id: string): Promise<LedPartition> {
    const led = this.led(id)
    if (led !== undefined) return led
    const { metadata, partitions, create } = this.#parts
    if (this.#image === undefined) await create()
    const count = metadata.topic(this.#name).partitions.size
    return await partitions.lead(this.#name, groupPartition(id, count))
  }

  get #image() {
    return this.#parts.metadata.image.topicByName(this.#name)
  }
}
