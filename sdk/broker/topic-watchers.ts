import type { TopicsChanged } from './broker.ts'

/** Who is told when topics may have changed, as the port says it. */
export class TopicWatchers {
  readonly #watchers = new Set<TopicsChanged>()

  /** Returns how to stop it. Whoever is added twice is told twice. */
  add(changed: TopicsChanged): () => void {
    const watcher: TopicsChanged = (names) => changed(names)
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }

  tell(names: readonly string[] | null): void {
    for (const watcher of [...this.#watchers]) watcher(names)
  }
}
