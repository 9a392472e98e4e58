import type { FileSystem } from '../environment/environment.ts'
import { CLUSTER_METADATA_TOPIC } from './partition-directory.ts'
import { readText, removeIfThere, replaceText } from './small-file.ts'

/**
 * Kafka's mark of an orderly stop. A broker that finds it does not look at the tails of the logs at all, so it must not
 * outlive the first change: removed before anything is loaded, written last.
 */
export const CLEAN_SHUTDOWN = '.kafka_cleanshutdown'

export class CleanShutdownMark {
  readonly #files: FileSystem
  readonly #directory: string
  /** What it said when it was found; undefined where there was none. */
  readonly #text: string | undefined

  private constructor(files: FileSystem, directory: string, text: string | undefined) {
    this.#files = files
    this.#directory = directory
    this.#text = text
  }

  /** Removes the mark. Durable on return: a broker that found it after our first append would trust a torn tail. */
  static take(files: FileSystem, directory: string): CleanShutdownMark {
    const text = readText(files, files.join(directory, CLEAN_SHUTDOWN))
    removeIfThere(files, directory, CLEAN_SHUTDOWN)
    return new CleanShutdownMark(files, directory, text)
  }

  get wasThere(): boolean {
    return this.#text !== undefined
  }

  /**
   * Writes it again. Where no log but that of the metadata was opened it says what it said: the broker that wrote it takes
   * its own epoch in it for the promise that its replicas are as it left them.
   */
  write(openedLogs: readonly { readonly topic: string }[]): void {
    const isAsFound = openedLogs.every(({ topic }) => topic === CLUSTER_METADATA_TOPIC)
    replaceText(this.#files, this.#directory, CLEAN_SHUTDOWN, (isAsFound ? this.#text : undefined) ?? OURS)
  }
}

/** −1: the broker epoch is a broker's affair. */
const OURS = '{"version":0,"brokerEpoch":-1}'
