import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(new URL('committing-owner.ts', import.meta.url))

/** A process that owns a directory and commits when it is told to. `await using` ends it in order. */
export class CommittingProgram implements AsyncDisposable {
  readonly #child: ChildProcess

  private constructor(child: ChildProcess) {
    this.#child = child
  }

  /** Resolves when every group has committed once. */
  static async start(directory: string, groups: string, partitions: string): Promise<CommittingProgram> {
    const child = fork(PROGRAM, [directory, groups, partitions])
    await once(child, 'message')
    return new CommittingProgram(child)
  }

  /** When it was committed, by the clock of this machine. */
  async commit(group: number, offset: number): Promise<number> {
    this.#child.send({ group, offset })
    const [answer] = (await once(this.#child, 'message')) as [{ readonly atMs: number }]
    return answer.atMs
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.disconnect()
    await once(this.#child, 'exit')
  }
}
