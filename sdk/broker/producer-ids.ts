import type { MetadataLog } from './metadata-log.ts'

/** Kafka's `ProducerIdsBlock.PRODUCER_ID_BLOCK_SIZE`: one record of the metadata log for so many ids. */
const BLOCK_SIZE = 1_000
/** A broker that is registered writes its own; who replays the record only keeps it. */
const NO_BROKER_EPOCH = -1

/** Hands out producer ids that no ownership handed out before: their block is in the metadata log first. */
export class ProducerIds {
  readonly #metadata: MetadataLog
  #first = 0
  #next = 0
  #end = 0
  #claiming: Promise<void> | undefined

  constructor(metadata: MetadataLog) {
    this.#metadata = metadata
  }

  /** @throws {TidemarkError} STORAGE_ERROR, CLOSED */
  async take(): Promise<number> {
    while (this.#next === this.#end) {
      this.#claiming ??= this.#claim().finally(() => {
        this.#claiming = undefined
      })
      await this.#claiming
    }
    return this.#next++
  }

  /** Whether this ownership handed it out. */
  isOwn(producerId: number): boolean {
    return producerId >= this.#first && producerId < this.#next
  }

  async #claim(): Promise<void> {
    const { image, home } = this.#metadata
    let first = 0
    await this.#metadata.change(() => {
      first = image.nextProducerId
      const nextProducerId = first + BLOCK_SIZE
      return [{ type: 'ProducerIds', brokerId: home.nodeId, brokerEpoch: NO_BROKER_EPOCH, nextProducerId }]
    })
    if (this.#end === 0) this.#first = first
    this.#next = first
    this.#end = first + BLOCK_SIZE
  }
}
