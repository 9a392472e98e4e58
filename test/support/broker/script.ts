import type { Broker } from '../../../sdk/broker/broker.ts'
import { fromPartitionError } from '../../../sdk/broker/partition-error.ts'
import { randomFrom, type SeededRandom } from '../../../sdk/environment/seeded-random.ts'
import type { Chronicle } from './chronicle.ts'
import { batch, beat, commit, create, member, produce } from './requests.ts'

const NAMES = ['a', 'b', 'c']
const GROUPS = ['one', 'two']
/** Small segments, so that they roll; topics that wait for the disk, and one that does not. */
const CONFIGS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  a: { 'internal.segment.bytes': '600', 'flush.messages': '1' },
  b: { 'flush.messages': '1' },
  c: { 'internal.segment.bytes': '600', 'flush.messages': '1000' },
}

interface Joined {
  readonly memberId: string
  memberEpoch: number
}

/** Random requests to a broker, some of them at once; a chronicle writes down what was promised. The seed repeats them. */
export class Script {
  readonly #random: SeededRandom
  readonly #chronicle: Chronicle
  #joined: Joined[] = []
  #members = 0

  constructor(seed: number, chronicle: Chronicle) {
    this.#random = randomFrom(seed)
    this.#chronicle = chronicle
  }

  /** Rejects with what the broker rejects with. */
  async step(broker: Broker, nowMs: number): Promise<void> {
    const there = this.#chronicle.topics
    const dice = this.#random.below(20)
    const missing = NAMES.filter((name) => !there.includes(name))
    if (there.length === 0 || (dice === 0 && missing.length > 0)) return await this.#create(broker, this.#pick(missing))
    const name = this.#pick(there)
    const partitions = this.#chronicle.partitionsOf(name)
    if (dice === 1) return await this.#delete(broker, name)
    if (dice === 2) {
      const totalCount = partitions + 1
      return await this.#chronicle.growing(name, totalCount, () => broker.createPartitions({ topic: name, totalCount }))
    }
    if (dice === 3) {
      const configs = { 'retention.ms': String(this.#random.below(2) === 0 ? -1 : 10 ** 12) }
      return await broker.incrementalAlterConfigs({ topic: name, configs })
    }
    if (dice <= 6) return await this.#beat(broker, there)
    if (dice <= 11) return await this.#commit(broker, name)
    const sends = Array.from({ length: 1 + this.#random.below(3) }, () => this.#send(broker, this.#pick(there), nowMs))
    const settled = await Promise.allSettled([...sends, ...(dice >= 18 ? [this.#commit(broker, name)] : [])])
    for (const each of settled) if (each.status === 'rejected') throw each.reason
  }

  /** All members are gone: another broker answers now. */
  forgetMembers(): void {
    this.#joined = []
  }

  #create(broker: Broker, name: string): Promise<void> {
    const partitions = 1 + this.#random.below(2)
    return this.#chronicle.creating(name, partitions, () => create(broker, name, partitions, CONFIGS[name]))
  }

  #delete(broker: Broker, name: string): Promise<void> {
    return this.#chronicle.deleting(name, () => broker.deleteTopics({ topics: [name] }))
  }

  async #send(broker: Broker, name: string, timestampMs: number): Promise<void> {
    const partition = this.#random.below(this.#chronicle.partitionsOf(name))
    const values = Array.from({ length: 1 + this.#random.below(4) }, () => this.#chronicle.nextValue(name, partition))
    await this.#chronicle.sending(name, partition, values, async () => {
      const records = values.map((value) => ({ key: null, value: Buffer.from(value), timestampMs }))
      const { error, baseOffset, survives } = await produce(broker, name, batch(records), partition)
      if (error !== null) throw fromPartitionError(error)
      return { baseOffset, survives }
    })
  }

  async #commit(broker: Broker, name: string): Promise<void> {
    const partition = this.#random.below(this.#chronicle.partitionsOf(name))
    const offset = this.#random.below(this.#chronicle.endOf(name, partition) + 1)
    const group = this.#pick(GROUPS)
    await this.#chronicle.committing(group, name, partition, offset, () =>
      commit(broker, group, name, { offset, partition }),
    )
  }

  async #beat(broker: Broker, topics: string[]): Promise<void> {
    const dice = this.#random.below(3)
    if (this.#joined.length === 0 || (dice === 0 && this.#joined.length < 3)) {
      const memberId = member(this.#members++)
      const { memberEpoch } = await beat(broker, 'members', memberId, { subscribedTopicNames: topics })
      this.#joined.push({ memberId, memberEpoch })
      return
    }
    const joined = this.#pick(this.#joined)
    if (dice === 1) {
      this.#joined = this.#joined.filter((other) => other !== joined)
      await beat(broker, 'members', joined.memberId, { memberEpoch: -1, owned: null })
      return
    }
    const answer = await beat(broker, 'members', joined.memberId, { memberEpoch: joined.memberEpoch, owned: null })
    joined.memberEpoch = answer.memberEpoch
    if (answer.assignment === null) return
    const { memberEpoch } = await beat(broker, 'members', joined.memberId, {
      memberEpoch: joined.memberEpoch,
      owned: answer.assignment,
    })
    joined.memberEpoch = memberEpoch
  }

  #pick<T>(choices: readonly T[]): T {
    return choices[this.#random.below(choices.length)]!
  }
}
