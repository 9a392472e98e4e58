import type { ClientContext } from './client-context.ts'
import type { TopicDeclaration } from './declared-topic.ts'
import { bytes, nullable, type Serde } from './serde.ts'
import { Topic } from './topic.ts'

type Bytes = Uint8Array | null

/** A topic whose records go in and out as they are, tombstones included. */
export type ByteTopic = Topic<string, Bytes, Bytes>

const BYTES: Serde<Bytes> = nullable(bytes)
const topics = new WeakMap<ClientContext, Map<string, ByteTopic>>()

/** For Tidemark's own use: one handle for each name and declaration, since each has a producer as long as its context lives. */
export function byteTopic(context: ClientContext, name: string, declaration: TopicDeclaration): ByteTopic {
  const known = topics.get(context) ?? new Map<string, ByteTopic>()
  topics.set(context, known)
  const key = JSON.stringify([name, declaration])
  const topic =
    known.get(key) ?? new Topic<string, Bytes, Bytes>(context, name, { ...declaration, key: BYTES, value: BYTES })
  known.set(key, topic)
  return topic
}
