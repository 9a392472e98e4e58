import type { DeletedOffsets } from 'tidemark'
import type { Memento } from 'vscode'

/** What was deleted, kept so that it can be put back. */
export interface Deletion {
  readonly source: string
  readonly deletedAtMs: number
  readonly deleted: DeletedOffsets
}

const KEY = 'deletions'
const KEPT = 20

/** The last deletions of this workspace, newest first. */
export class Deletions {
  readonly #memento: Memento

  constructor(memento: Memento) {
    this.#memento = memento
  }

  get all(): readonly Deletion[] {
    return this.#memento.get<readonly Deletion[]>(KEY, [])
  }

  async add(deletion: Deletion): Promise<void> {
    await this.#memento.update(KEY, [deletion, ...this.all].slice(0, KEPT))
  }

  async remove(deletion: Deletion): Promise<void> {
    const left = this.all.filter(
      ({ source, deletedAtMs }) => source !== deletion.source || deletedAtMs !== deletion.deletedAtMs,
    )
    await this.#memento.update(KEY, left)
  }
}
