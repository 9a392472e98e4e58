import type { Environment } from '../environment/environment.ts'
import { TidemarkError } from '../errors.ts'
import { parseCheckpointNumber, readCheckpointFile } from '../log/checkpoint-file.ts'
import { replaceWholeFileInBackground } from '../log/whole-file.ts'
import { replaceText } from './small-file.ts'

/** What the checkpoints keep of one partition's log. */
export interface LogPosition {
  readonly topic: string
  readonly partition: number
  readonly logStartOffset: number
  readonly firstSegmentOffset: number
  readonly flushedOffset: number
  readonly highWatermark: number
}

export const RECOVERY_POINT = 'recovery-point-offset-checkpoint'
export const LOG_START = 'log-start-offset-checkpoint'
export const HIGH_WATERMARK = 'replication-offset-checkpoint'
export const CLEANER_OFFSET = 'cleaner-offset-checkpoint'
const NAMES = [RECOVERY_POINT, LOG_START, HIGH_WATERMARK, CLEANER_OFFSET] as const
type Name = (typeof NAMES)[number]

/** By partition as the files name it: "payments 0". */
type Offsets = Map<string, number>

/** Kafka's four files of a directory with one offset per partition. Partitions that are not open keep their entries. */
export class DirectoryCheckpoints {
  readonly #environment: Environment
  readonly #directory: string
  readonly #offsets: Record<Name, Offsets>
  /** What the files say, so that an idle directory is not written to. */
  readonly #written: Partial<Record<Name, string>> = {}
  #overtaken = 0

  private constructor(environment: Environment, directory: string, offsets: Record<Name, Offsets>) {
    this.#environment = environment
    this.#directory = directory
    this.#offsets = offsets
  }

  /**
   * A damaged file counts as empty, and a warning says so: without a recovery point the whole log is checked, without
   * a log start the log begins with its first segment.
   */
  static load(environment: Environment, directory: string): DirectoryCheckpoints {
    return DirectoryCheckpoints.#load(environment, directory, (error) =>
      environment.process.emitWarning(`${error.message} Going on without it.`, 'TIDEMARK_CHECKPOINT_DAMAGED'),
    )
  }

  /** The same for those who only read, without a warning: it is not theirs to mend. */
  static read(environment: Environment, directory: string): DirectoryCheckpoints {
    return DirectoryCheckpoints.#load(environment, directory, () => {})
  }

  static #load(
    environment: Environment,
    directory: string,
    damaged: (error: TidemarkError) => void,
  ): DirectoryCheckpoints {
    const load = (name: Name): Offsets => {
      try {
        return readOffsets(environment, environment.files.join(directory, name))
      } catch (error) {
        if (!(error instanceof TidemarkError)) throw error
        damaged(error)
        return new Map()
      }
    }
    return new DirectoryCheckpoints(environment, directory, {
      [RECOVERY_POINT]: load(RECOVERY_POINT),
      [LOG_START]: load(LOG_START),
      [HIGH_WATERMARK]: load(HIGH_WATERMARK),
      [CLEANER_OFFSET]: load(CLEANER_OFFSET),
    })
  }

  /** Everything below is flushed; undefined: not known. */
  recoveryPoint(topic: string, partition: number): number | undefined {
    return this.#offsets[RECOVERY_POINT].get(entryName(topic, partition))
  }

  logStartOffset(topic: string, partition: number): number | undefined {
    return this.#offsets[LOG_START].get(entryName(topic, partition))
  }

  highWatermark(topic: string, partition: number): number | undefined {
    return this.#offsets[HIGH_WATERMARK].get(entryName(topic, partition))
  }

  /** Keys below were compared with all that is before them; undefined: the log was never compacted. */
  cleanedOffset(topic: string, partition: number): number | undefined {
    return this.#offsets[CLEANER_OFFSET].get(entryName(topic, partition))
  }

  setCleanedOffset(topic: string, partition: number, offset: number): void {
    this.#offsets[CLEANER_OFFSET].set(entryName(topic, partition), offset)
  }

  /** What is appended where a lost tail was must not count as compacted. Returns whether there was anything to forget. */
  forgetCleanedBeyond(log: {
    readonly topic: string
    readonly partition: number
    readonly logEndOffset: number
  }): boolean {
    const { topic, partition, logEndOffset } = log
    if ((this.cleanedOffset(topic, partition) ?? 0) <= logEndOffset) return false
    return this.#offsets[CLEANER_OFFSET].delete(entryName(topic, partition))
  }

  update(position: LogPosition): void {
    const name = entryName(position.topic, position.partition)
    this.#offsets[RECOVERY_POINT].set(name, position.flushedOffset)
    this.#offsets[HIGH_WATERMARK].set(name, position.highWatermark)
    // Only where it says more than the name of the first segment does.
    if (position.logStartOffset > position.firstSegmentOffset) {
      this.#offsets[LOG_START].set(name, position.logStartOffset)
    } else {
      this.#offsets[LOG_START].delete(name)
    }
  }

  /** Returns whether there was anything to forget. */
  forget(topic: string, partition: number): boolean {
    const entry = entryName(topic, partition)
    return NAMES.map((name) => this.#offsets[name].delete(entry)).includes(true)
  }

  /** Every partition that has a recovery point. */
  recoveryPoints(): { readonly topic: string; readonly partition: number; readonly offset: number }[] {
    return [...this.#offsets[RECOVERY_POINT]].map(([entry, offset]) => {
      const [topic = '', partition] = entry.split(' ')
      return { topic, partition: Number(partition), offset }
    })
  }

  /** Writes what has changed. Durable on return. Overtakes a `writeInBackground` under way. */
  write(): void {
    this.#overtaken++
    for (const name of NAMES) {
      const text = this.#due(name)
      if (text === undefined) continue
      replaceText(this.#environment.files, this.#directory, name, text)
      this.#written[name] = text
    }
  }

  /** The same without holding up the event loop; a power loss may bring the older files back. One at a time. */
  async writeInBackground(): Promise<void> {
    const overtaken = this.#overtaken
    const isCurrent = (): boolean => overtaken === this.#overtaken
    for (const name of NAMES) {
      const text = this.#due(name)
      if (text === undefined) continue
      const bytes = Buffer.from(text)
      await replaceWholeFileInBackground(this.#environment.files, this.#directory, { name, bytes, isCurrent })
      if (!isCurrent()) return
      this.#written[name] = text
    }
  }

  #due(name: Name): string | undefined {
    const entries = [...this.#offsets[name]].map(([place, offset]) => `${place} ${offset}\n`)
    const text = `0\n${entries.length}\n${entries.join('')}`
    return text === this.#written[name] ? undefined : text
  }
}

function readOffsets(environment: Environment, path: string): Offsets {
  const offsets: Offsets = new Map()
  for (const fields of readCheckpointFile(environment.files, path) ?? []) {
    const [topic = '', partition, offset] = fields
    offsets.set(
      entryName(topic, parseCheckpointNumber(path, partition)),
      Math.max(0, parseCheckpointNumber(path, offset)),
    )
  }
  return offsets
}

function entryName(topic: string, partition: number): string {
  return `${topic} ${partition}`
}
