export const BATCH_RECORDS = 1_000

/** Values of one size from a pool that does not fit into the processor's first caches. */
export class Values {
  readonly #pool: Buffer[]

  constructor(sizeBytes: number) {
    this.#pool = Array.from({ length: 1_000 }, (_, index) => Buffer.alloc(sizeBytes, (index % 251) + 1))
  }

  at(index: number): Buffer {
    return this.#pool[index % this.#pool.length] as Buffer
  }

  sum(count: number): number {
    let sum = 0
    for (let index = 0; index < count; index++) sum += this.at(index)[0] as number
    return sum
  }
}
