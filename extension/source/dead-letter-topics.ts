import type { Tidemark } from 'tidemark'

/** The topics that begin with a dead letter: nothing but its records tells such a topic from others. */
export async function findDeadLetterTopics(tide: Tidemark): Promise<readonly string[]> {
  const { parseDeadLetter } = await import('tidemark')
  const found: string[] = []
  for (const { name } of await tide.topics.list()) {
    const first = tide.topic(name, { create: 'never' }).read({ follow: false, limit: 1, onDamage: 'skip' })
    for await (const record of first) {
      if (parseDeadLetter(record) !== undefined) found.push(name)
    }
  }
  return found
}
