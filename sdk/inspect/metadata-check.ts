import { CLUSTER_METADATA_TOPIC, METADATA_DIRECTORY, PARTITION_METADATA } from '../directory/partition-directory.ts'
import { TidemarkError } from '../errors.ts'
import { parseSegmentFileName } from '../log/segment-name.ts'
import { readWholeFile } from '../log/whole-file.ts'
import type { RecordBatch } from '../record/record-batch.ts'
import { MetadataImage } from '../topic/metadata-image.ts'
import { BOOTSTRAP_CHECKPOINT, newestSnapshot, parseSnapshot, parseSnapshotName } from '../topic/metadata-snapshot.ts'
import type { CheckContext } from './check-context.ts'
import { type Finding, Findings } from './finding.ts'

/** Replays the metadata log, snapshots included, and says where it cannot be. */
export class MetadataCheck {
  readonly image: MetadataImage
  readonly #findings = new Findings(CLUSTER_METADATA_TOPIC, 0)
  #isWhole = true
  #isFirst = true

  constructor(context: CheckContext) {
    const { files } = context.environment
    const path = files.join(context.directory, METADATA_DIRECTORY)
    const read = (name: string): Buffer | undefined =>
      this.#guarded(name, () => readWholeFile(files, files.join(path, name)))
    const names = this.#guarded(METADATA_DIRECTORY, () => (files.stat(path)?.isDirectory ? files.list(path) : []))
    for (const name of names ?? []) {
      if (parseSnapshotName(name) !== undefined) this.#checkSnapshot(`${METADATA_DIRECTORY}/${name}`, name, read(name))
    }
    const bootstrap = this.#guarded(BOOTSTRAP_CHECKPOINT, () =>
      readWholeFile(files, files.join(context.directory, BOOTSTRAP_CHECKPOINT)),
    )
    this.#checkSnapshot(BOOTSTRAP_CHECKPOINT, BOOTSTRAP_CHECKPOINT, bootstrap)
    this.image = this.#imageOf(() => newestSnapshot(names ?? [], read))
    const isThere = names?.some((name) => parseSegmentFileName(name)?.suffix === '.log' || parseSnapshotName(name))
    if (names !== undefined && !isThere) this.#reportMissing()
  }

  #guarded<T>(name: string, read: () => T): T | undefined {
    try {
      return read()
    } catch (error) {
      this.#isWhole = false
      if (!this.#findings.list.some(({ file }) => file === name)) this.#findings.addUnreadable(name, error, 'This')
      return undefined
    }
  }

  get findings(): readonly Finding[] {
    return this.#findings.list
  }

  /** Whether the image says all that was ever written: only then can anything be missing from it. */
  get isReadable(): boolean {
    return this.#isWhole
  }

  visit(batch: RecordBatch, position: number, file: string): void {
    if (!this.#isWhole) return
    const known = this.image.replayedOffset + 1
    const isFirst = this.#isFirst
    this.#isFirst = false
    if (batch.baseOffset > known) {
      this.#isWhole = false
      // Gaps further on are reported like those of any other log.
      if (!isFirst) return
      this.#findings.add(file, {
        severity: 'damage',
        rule: 'metadata-log',
        position,
        offset: batch.baseOffset,
        offsetsLost: { from: known, to: batch.baseOffset },
        what: `The metadata log goes on at offset ${batch.baseOffset}, but ${known === 0 ? 'no snapshot tells what came before' : `what is known ends at ${known}`}.`,
        whatABrokerWouldDo: 'It does not start.',
        whatToDo: `Topics made or changed in between are not known. Restore ${METADATA_DIRECTORY} from a copy.`,
      })
      return
    }
    try {
      this.image.replayBatch(batch)
    } catch (error) {
      if (!(error instanceof TidemarkError)) throw error
      this.#isWhole = false
      this.#findings.add(file, {
        severity: 'damage',
        rule: 'metadata-log',
        position,
        what: error.message,
        whatABrokerWouldDo: 'It stops when it comes to this record.',
        whatToDo: `Topics created or changed from here on are not known. Restore ${METADATA_DIRECTORY} from a copy.`,
      })
    }
  }

  /** Batches are missing or unreadable: what the image says is no longer all there is. */
  markIncomplete(): void {
    this.#isWhole = false
  }

  #imageOf(read: () => ReturnType<typeof newestSnapshot>): MetadataImage {
    try {
      const snapshot = read()
      return snapshot === undefined ? new MetadataImage() : MetadataImage.of(snapshot)
    } catch (error) {
      if (!(error instanceof TidemarkError)) throw error
      this.#isWhole = false
      return new MetadataImage()
    }
  }

  #checkSnapshot(file: string, name: string, bytes: Buffer | undefined): void {
    if (bytes === undefined) return
    try {
      parseSnapshot(bytes, name)
    } catch (error) {
      if (!(error instanceof TidemarkError)) throw error
      this.#findings.add(file, {
        severity: error.code === 'CORRUPT_BATCH' ? 'damage' : 'warning',
        rule: 'metadata-log',
        what: error.message,
        whatABrokerWouldDo: 'It stops, unless it finds a newer snapshot.',
        whatToDo:
          'Restore the file from a copy. An older snapshot and the log may do as long as the log reaches back to it.',
      })
    }
  }

  #reportMissing(): void {
    this.#isWhole = false
    this.#findings.add(METADATA_DIRECTORY, {
      severity: 'damage',
      rule: 'metadata-log',
      what: `There is no metadata log, so which topics there should be, and with which ids (${PARTITION_METADATA}), is not known. No record is lost.`,
      whatABrokerWouldDo:
        'It does not start; or, made to start anew, it renames every partition to …-stray and serves none.',
      whatToDo:
        'Tidemark refuses to open the directory for writing. Restore it from a copy. It was never there if a broker with ZooKeeper, or with separate controllers, wrote the directory.',
    })
  }
}
