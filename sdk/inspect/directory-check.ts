import { CLEANER_OFFSET, HIGH_WATERMARK, LOG_START, RECOVERY_POINT } from '../directory/directory-checkpoints.ts'
import { UNFINISHED } from '../directory/directory-identity.ts'
import { META_PROPERTIES, readMetaProperties } from '../directory/meta-properties.ts'
import { parsePartitionDirectory } from '../directory/partition-directory.ts'
import { TidemarkError } from '../errors.ts'
import { parseCheckpointNumber, readCheckpointFile } from '../log/checkpoint-file.ts'
import type { MetadataImage } from '../topic/metadata-image.ts'
import type { CheckContext } from './check-context.ts'
import { Findings } from './finding.ts'

/** By directory name, such as `payments-0`. */
export type CheckpointOffsets = ReadonlyMap<string, number>

/** The files of the directory itself: its identity, its checkpoints, what is left over of partitions. */
export class DirectoryCheck {
  readonly findings = new Findings()
  readonly recoveryPoints: CheckpointOffsets
  readonly highWatermarks: CheckpointOffsets
  readonly logStarts: CheckpointOffsets
  /** How far partitions were compacted: in those, offsets without a batch are right. */
  readonly cleanedOffsets: CheckpointOffsets
  readonly #context: CheckContext

  constructor(context: CheckContext) {
    this.#context = context
    this.recoveryPoints = this.#load(RECOVERY_POINT)
    this.highWatermarks = this.#load(HIGH_WATERMARK)
    this.logStarts = this.#load(LOG_START)
    this.cleanedOffsets = this.#load(CLEANER_OFFSET)
  }

  /** Partitions that have a directory, by its name. */
  partitionDirectories(): Map<string, { topic: string; partition: number }> {
    const { environment, directory } = this.#context
    const live = new Map<string, { topic: string; partition: number }>()
    for (const name of environment.files.list(directory).sort()) {
      const parsed = parsePartitionDirectory(name)
      if (parsed === undefined || !environment.files.stat(environment.files.join(directory, name))?.isDirectory)
        continue
      const { topic, partition, kind } = parsed
      if (kind === 'live') live.set(name, { topic, partition })
      else this.#reportAside(name, kind)
    }
    return live
  }

  /** `directory.id` must be the one the metadata log gives its partitions, or a broker leaves them without a leader. */
  checkIdentity(image: MetadataImage): void {
    const meta = this.#readMeta(image)
    if (meta?.directoryId === undefined) return
    for (const topic of image.topics()) {
      for (const { partition, directories } of topic.partitions.values()) {
        if (directories.length === 0 || directories.includes(meta.directoryId)) continue
        this.findings.add(META_PROPERTIES, {
          severity: 'warning',
          rule: 'meta-properties',
          what: `The file says directory.id=${meta.directoryId}, but the metadata log puts ${topic.name}-${partition} into ${directories.join(', ')}.`,
          whatABrokerWouldDo: 'It leaves such partitions without a leader: nobody can read or write them.',
          whatToDo: 'Restore the file from a copy, or write that id back.',
        })
        return
      }
    }
  }

  /** Partitions that the checkpoints know to hold records, and that have no directory. */
  checkMissing(live: ReadonlyMap<string, unknown>, image: MetadataImage): void {
    for (const [name, offset] of this.recoveryPoints) {
      const parsed = parsePartitionDirectory(name)
      if (live.has(name) || offset === 0 || parsed === undefined) continue
      if (!image.topicByName(parsed.topic)?.partitions.has(parsed.partition)) continue
      const from = this.logStarts.get(name) ?? 0
      this.findings.about(parsed.topic, parsed.partition).add(name, {
        severity: 'damage',
        rule: 'log-end',
        offsetsLost: { from, to: offset },
        what: `The partition's directory is gone; by ${RECOVERY_POINT} it held records up to offset ${offset - 1}.`,
        whatABrokerWouldDo: 'It makes an empty partition that begins at offset 0.',
        whatToDo:
          'Restore the directory from a copy. Do not write to the topic before: the partition would begin again at offset 0.',
      })
    }
  }

  #readMeta(image: MetadataImage): ReturnType<typeof readMetaProperties> {
    const { environment, directory } = this.#context
    try {
      const meta = readMetaProperties(environment, directory)
      if (meta === undefined) this.#reportNoMeta(image)
      return meta
    } catch (error) {
      if (!(error instanceof TidemarkError)) {
        this.findings.addUnreadable(META_PROPERTIES, error, 'This file')
        return undefined
      }
      this.findings.add(META_PROPERTIES, {
        severity: 'damage',
        rule: 'meta-properties',
        what: error.message,
        whatABrokerWouldDo: 'It does not start.',
        whatToDo: 'Tidemark does not open the directory either. Restore the file from a copy.',
      })
      return undefined
    }
  }

  #reportNoMeta(image: MetadataImage): void {
    const { files } = this.#context.environment
    if (files.stat(files.join(this.#context.directory, UNFINISHED)) !== undefined) {
      this.findings.add(UNFINISHED, {
        severity: 'note',
        rule: 'meta-properties',
        what: 'The directory was being made when its process was stopped; it holds no records yet.',
        whatABrokerWouldDo: 'It does not start.',
        whatToDo: 'Nothing: the next opening makes it anew.',
      })
      return
    }
    const [topic] = image.topics()
    const home = topic?.partitions.values().next().value
    const lines = ['version=1', `node.id=${home?.replicas[0]}`, `directory.id=${home?.directories[0]}`]
    const known = home?.replicas[0] !== undefined && home.directories[0] !== undefined
    this.findings.add(META_PROPERTIES, {
      severity: 'damage',
      rule: 'meta-properties',
      what: 'The file is missing. No record is lost.',
      whatABrokerWouldDo: 'It does not start.',
      whatToDo: known
        ? `Tidemark does not open the directory either. Restore the file from a copy, or write it with the lines ${lines.join(', ')} (by the metadata log), and cluster.id= with the cluster's id, or any 22 characters of A-Z a-z 0-9 _ - where nothing else belongs to the cluster.`
        : 'Tidemark does not open the directory either. Restore the file from a copy.',
    })
  }

  #load(name: string): CheckpointOffsets {
    const { files } = this.#context.environment
    const path = files.join(this.#context.directory, name)
    const offsets = new Map<string, number>()
    try {
      for (const [topic, partition, offset] of readCheckpointFile(files, path) ?? []) {
        offsets.set(`${topic}-${parseCheckpointNumber(path, partition)}`, parseCheckpointNumber(path, offset))
      }
    } catch (error) {
      if (!(error instanceof TidemarkError)) {
        this.findings.addUnreadable(name, error, 'This file')
        return new Map()
      }
      this.findings.add(name, {
        severity: 'warning',
        rule: 'checkpoint',
        what: error.message,
        whatABrokerWouldDo: 'It goes on without the file, and checks whole logs when it starts.',
        whatToDo:
          'No record is lost. Stop the owner and remove the file: the next owner writes it anew after checking whole logs.',
      })
      return new Map()
    }
    return offsets
  }

  #reportAside(name: string, kind: 'delete' | 'stray' | 'future'): void {
    const words = {
      delete: ['A partition that is being deleted.', 'It removes it.', 'Nothing: its owner removes it.'],
      stray: [
        'A partition that was set aside because the metadata log did not know its topic.',
        'It leaves it where it is.',
        'Look whether you miss it; if not, remove it.',
      ],
      future: [
        'A partition that was being moved between disks of a broker.',
        'It goes on with the move.',
        'Nothing: the broker goes on with it.',
      ],
    } as const
    const [what, whatABrokerWouldDo, whatToDo] = words[kind]
    this.findings.add(name, { severity: 'note', rule: 'leftover', what, whatABrokerWouldDo, whatToDo })
  }
}
