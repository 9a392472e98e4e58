import { expect } from 'vitest'
import type { Broker, Survives } from '../../../sdk/broker/broker.ts'
import { committed, readAll } from './requests.ts'

interface Sent {
  readonly offset: number
  readonly value: string
  readonly survives: Survives
}

interface Partition {
  /** Every value that was handed over, acknowledged or not. */
  tried: string[]
  acknowledged: Sent[]
}

interface Topic {
  /** Known once the creation was acknowledged. */
  topicId: string | undefined
  isDeletionTried: boolean
  leastPartitions: number
  mostPartitions: number
  partitions: Partition[]
}

interface Commits {
  /** What was handed over since the last acknowledged commit, that one first. */
  possible: (number | undefined)[]
}

/**
 * Remembers what a broker was asked and what it promised, and holds the broker after a crash against that. Values are
 * unique, so every record says where it belongs.
 */
export class Chronicle {
  /** By name, oldest first; all but the last were deleted. */
  #topics: Record<string, Topic[]> = {}
  /** By `group topic partition`. */
  #commits: Record<string, Commits> = {}
  #values = 0

  /** As it is now, whatever happens later. */
  copy(): Chronicle {
    const copy = new Chronicle()
    copy.#topics = structuredClone(this.#topics)
    copy.#commits = structuredClone(this.#commits)
    return copy
  }

  nextValue(topic: string, partition: number): string {
    return `${topic}-${partition}:${this.#values++}`
  }

  async creating(name: string, partitions: number, create: () => Promise<string>): Promise<void> {
    const topic: Topic = {
      topicId: undefined,
      isDeletionTried: false,
      leastPartitions: 0,
      mostPartitions: partitions,
      partitions: [],
    }
    const topics = this.#topics[name] ?? []
    this.#topics[name] = topics
    topics.push(topic)
    topic.topicId = await create()
    topic.leastPartitions = partitions
    this.#forgetCommits(name)
  }

  async growing(name: string, total: number, grow: () => Promise<unknown>): Promise<void> {
    const topic = this.#topic(name)
    topic.mostPartitions = total
    await grow()
    topic.leastPartitions = total
  }

  async deleting(name: string, remove: () => Promise<unknown>): Promise<void> {
    const topic = this.#topic(name)
    topic.isDeletionTried = true
    await remove()
    topic.mostPartitions = 0
    this.#forgetCommits(name)
  }

  #forgetCommits(name: string): void {
    for (const key of Object.keys(this.#commits)) if (key.split(' ')[1] === name) delete this.#commits[key]
  }

  async sending(
    name: string,
    partition: number,
    values: readonly string[],
    send: () => Promise<{ baseOffset: number; survives: Survives }>,
  ) {
    const topic = this.#topic(name)
    while (topic.partitions.length <= partition) topic.partitions.push({ tried: [], acknowledged: [] })
    const { tried, acknowledged } = topic.partitions[partition]!
    tried.push(...values)
    const { baseOffset, survives } = await send()
    for (const [index, value] of values.entries()) acknowledged.push({ offset: baseOffset + index, value, survives })
  }

  async committing(
    group: string,
    name: string,
    partition: number,
    offset: number,
    commit: () => Promise<unknown>,
  ): Promise<void> {
    const key = `${group} ${name} ${partition}`
    const commits = this.#commits[key] ?? { possible: [undefined] }
    this.#commits[key] = commits
    commits.possible.push(offset)
    await commit()
    commits.possible = commits.possible.slice(commits.possible.lastIndexOf(offset))
  }

  /** The names of topics that are there for sure. */
  get topics(): string[] {
    return Object.keys(this.#topics).filter((name) => {
      const topic = this.#topics[name]!.at(-1)!
      return topic.topicId !== undefined && topic.leastPartitions > 0 && !topic.isDeletionTried
    })
  }

  partitionsOf(name: string): number {
    return this.#topic(name).leastPartitions
  }

  /** Behind the last record that is promised to survive a power loss. */
  endOf(name: string, partition: number): number {
    const { acknowledged = [] } = this.#topic(name).partitions[partition] ?? {}
    return Math.max(
      0,
      ...acknowledged.filter(({ survives }) => survives === 'power-loss').map(({ offset }) => offset + 1),
    )
  }

  /** Whether `broker` keeps every promise and invents nothing. `survived` says what the machine went through. */
  async check(broker: Broker, survived: Survives): Promise<void> {
    const found = new Map((await broker.metadata({ topics: null })).topics.map((topic) => [topic.name, topic]))
    const ends = new Map<string, number>()
    for (const [name, generations] of Object.entries(this.#topics)) {
      const topic = found.get(name)
      const known = this.#generation(generations, topic?.topicId)
      const isDeleted = known.isDeletionTried && known.mostPartitions === 0
      if (topic !== undefined) expect(isDeleted, `${name} was deleted`).toBe(false)
      if (topic === undefined) {
        expect(known.topicId === undefined || known.isDeletionTried, `${name} is gone`).toBe(true)
        continue
      }
      expect(topic.partitions.length, `partitions of ${name}`).toBeGreaterThanOrEqual(known.leastPartitions)
      expect(topic.partitions.length, `partitions of ${name}`).toBeLessThanOrEqual(known.mostPartitions)
      for (const { partition } of topic.partitions) {
        const end = await this.#checkPartition(broker, name, partition, known.partitions[partition], survived)
        ends.set(`${name}-${partition}`, end)
      }
    }
    await this.#checkCommits(broker, found, ends)
  }

  async #checkPartition(
    broker: Broker,
    topic: string,
    partition: number,
    known: Partition | undefined,
    survived: Survives,
  ): Promise<number> {
    const { tried, acknowledged } = known ?? { tried: [], acknowledged: [] }
    const records = await readAll(broker, topic, partition)
    const values = records.map((record) => record.slice(record.indexOf('=') + 1))
    const misplaced = records.filter((record, offset) => !record.startsWith(`${offset}=`))
    expect(misplaced, `${topic}-${partition} has gaps`).toEqual([])
    expect(new Set(values).size, `${topic}-${partition} has records twice`).toBe(values.length)
    const invented = values.filter((value) => !tried.includes(value))
    expect(invented, `${topic}-${partition} has what was never sent`).toEqual([])
    for (const { offset, value, survives } of acknowledged) {
      if (survived === 'power-loss' && survives === 'process-crash') continue
      if (values[offset] === value) continue
      expect(values[offset], `offset ${offset} of ${topic}-${partition} was acknowledged (${survives})`).toBe(value)
    }
    return values.length
  }

  async #checkCommits(
    broker: Broker,
    topics: ReadonlyMap<string, unknown>,
    ends: ReadonlyMap<string, number>,
  ): Promise<void> {
    const groups = new Set(Object.keys(this.#commits).map((key) => key.split(' ')[0]!))
    const found = new Map<string, number>()
    for (const group of groups) {
      for (const entry of await committed(broker, group)) {
        const [, topic, partition, offset] = /^(.*)-(\d+)@(\d+)$/.exec(entry)!
        found.set(`${group} ${topic} ${partition}`, Number(offset))
      }
    }
    for (const [key, { possible }] of Object.entries(this.#commits)) {
      const [, topic = '', partition] = key.split(' ')
      if (!topics.has(topic) || this.#topic(topic).isDeletionTried) continue
      expect(possible, `commit of ${key}`).toContain(found.get(key))
      const offset = found.get(key) ?? 0
      expect(offset, `commit of ${key} against the log's end`).toBeLessThanOrEqual(
        ends.get(`${topic}-${partition}`) ?? 0,
      )
    }
  }

  /** The one with that id; else one whose creation nobody confirmed. */
  #generation(generations: readonly Topic[], topicId: string | undefined): Topic {
    const last = generations.at(-1)!
    if (topicId === undefined) return last
    const known = generations.find((each) => each.topicId === topicId)
    const partitions = Math.max(
      0,
      ...generations.filter((each) => each.topicId === undefined).map((each) => each.mostPartitions),
    )
    return known ?? { ...last, partitions: [], isDeletionTried: false, leastPartitions: 0, mostPartitions: partitions }
  }

  #topic(name: string): Topic {
    return this.#topics[name]!.at(-1)!
  }
}
