import type { Tidemark } from 'tidemark'
import type { Sample, Timeline } from '../model/timeline.ts'

/** Moments at which the logs' ends are asked for. */
const SAMPLES = 40

/** How a group moved, as far back as its commits are known; of one topic or partition, or of all. */
export async function readTimelines(
  tide: Tidemark,
  wanted: { readonly group: string; readonly topic?: string; readonly partition?: number },
): Promise<readonly Timeline[]> {
  const histories = (await tide.groups.history(wanted.group)).filter(
    ({ topic, partition, entries }) =>
      entries.length > 0 && topic === (wanted.topic ?? topic) && partition === (wanted.partition ?? partition),
  )
  const topics = [...new Set(histories.map(({ topic }) => topic))]
  const fromMs = Math.min(...histories.flatMap(({ entries }) => entries[0]?.timestampMs ?? []))
  const ends = new Map<string, readonly Sample[]>()
  for (const topic of topics) {
    for (const [partition, samples] of await endsOf(tide, topic, fromMs)) ends.set(`${topic}-${partition}`, samples)
  }
  return histories.map(({ topic, partition, entries }) => ({
    topic,
    partition,
    commits: entries.map(({ timestampMs, offset }) => ({ atMs: timestampMs, offset })),
    ends: ends.get(`${topic}-${partition}`) ?? [],
  }))
}

async function endsOf(tide: Tidemark, topic: string, fromMs: number): Promise<ReadonlyMap<number, readonly Sample[]>> {
  const samples = new Map<number, Sample[]>()
  const handle = tide.topic(topic, { create: 'never' })
  const add = (partition: number, sample: Sample) => {
    const known = samples.get(partition)
    if (known === undefined) samples.set(partition, [sample])
    else known.push(sample)
  }
  // A topic that is gone has no end; its commits are shown nonetheless.
  if (!(await tide.topics.list()).some(({ name }) => name === topic)) return samples
  const nowMs = Date.now()
  for (let index = 0; index < SAMPLES; index++) {
    const atMs = Math.round(fromMs + ((nowMs - fromMs) * index) / SAMPLES)
    for (const { partition, offset } of await handle.offsets({ timestampMs: atMs })) add(partition, { atMs, offset })
  }
  for (const { partition, offset } of await handle.offsets('latest')) add(partition, { atMs: nowMs, offset })
  return samples
}
