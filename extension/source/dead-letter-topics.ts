import type { Tidemark } from 'tidemark'

/** What the headers begin with that handlers add to a record on which they gave up. */
const DEAD_LETTER_HEADER = 'tidemark.dead-letter.'

/** The topics that begin with a dead letter: nothing but its records tells such a topic from others. */
export async function findDeadLetterTopics(tide: Tidemark): Promise<readonly string[]> {
  const found: string[] = []
  for (const { name } of await tide.topics.list()) {
    const first = tide.topic(name, { create: 'never' }).read({ follow: false, limit: 1, onDamage: 'skip' })
    for await (const { headers } of first) {
      if (headers.some(({ key }) => key.startsWith(DEAD_LETTER_HEADER))) found.push(name)
    }
  }
  return found
}
