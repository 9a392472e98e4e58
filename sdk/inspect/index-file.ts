import type { File, FileSystem } from '../environment/environment.ts'
import { errnoOf } from '../log/storage-error.ts'
import type { FindingRule, Findings } from './finding.ts'

export interface IndexPlace {
  readonly path: string
  /** Relative to the data directory. */
  readonly name: string
  readonly baseOffset: number
  /** The segment is recovered at the next opening, which writes its indexes anew: what a crash left in them is harmless. */
  readonly isRebuiltOnOpen: boolean
}

/** A broker allocates 10 MiB for each index at once, nearly all of it zeros. */
const CHUNK_BYTES = 256 * 1024
const ZEROS = Buffer.alloc(CHUNK_BYTES)
/** A multiple of both entry sizes, 8 and 12. */
const ENTRIES_BYTES = 24

export interface WrongEntries {
  readonly rule: FindingRule
  readonly position: number
  readonly what: string
  readonly wrongCount: number
  readonly effect: string
}

const REBUILDS = 'It makes the file anew from the log.'
const REBUILT = 'Nothing: the next opening makes the file anew from the log.'
const REMOVE =
  'Tidemark checks what it uses of an index. Before a broker starts on the directory, stop the owner and remove the .index and .timeindex of this segment: they are made anew from the log.'

/** The bytes of an index file, and what is said about it. Indexes have no checksum, but the log itself proves each entry. */
export class IndexFile {
  readonly name: string
  /** The file up to its last entry that is not zero, or a little more. */
  readonly bytes: Buffer
  readonly baseOffset: number
  readonly isRebuiltOnOpen: boolean
  readonly #sizeBytes: number

  private constructor(place: IndexPlace, bytes: Buffer, sizeBytes: number) {
    this.name = place.name
    this.bytes = bytes
    this.baseOffset = place.baseOffset
    this.isRebuiltOnOpen = place.isRebuiltOnOpen
    this.#sizeBytes = sizeBytes
  }

  /** undefined where there is no such file. */
  static load(files: FileSystem, place: IndexPlace): IndexFile | undefined {
    let file: File
    try {
      file = files.open(place.path, { write: false })
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined
      throw error
    }
    try {
      const sizeBytes = file.sizeBytes()
      const bytes = Buffer.alloc(usedBytes(file, sizeBytes))
      return new IndexFile(place, bytes.subarray(0, file.read(bytes, 0)), sizeBytes)
    } finally {
      file.close()
    }
  }

  /** Whole entries, without the zeros that a preallocated file ends with. */
  countEntries(entryBytes: number): number {
    let count = Math.floor(this.bytes.length / entryBytes)
    // A single entry of zeros is one: a timestamp of 0 at the first offset.
    if (this.#sizeBytes === entryBytes) return count
    while (count > 0 && this.#isZero((count - 1) * entryBytes, count * entryBytes)) count -= 1
    return count
  }

  addWrong(findings: Findings, wrong: WrongEntries): void {
    const { rule, position, what, wrongCount, effect } = wrong
    const others = wrongCount === 1 ? '' : ` ${wrongCount - 1} more are wrong.`
    findings.add(this.name, {
      severity: this.isRebuiltOnOpen ? 'note' : 'warning',
      rule,
      position,
      what: `${what}${others} ${this.isRebuiltOnOpen ? 'The file was not closed in order.' : 'No record is lost.'}`,
      whatABrokerWouldDo: this.isRebuiltOnOpen ? REBUILDS : effect,
      whatToDo: this.isRebuiltOnOpen ? REBUILT : REMOVE,
    })
  }

  noteBeyondEnd(findings: Findings, rule: FindingRule, entries: number, position: number): void {
    findings.add(this.name, {
      severity: 'note',
      rule,
      position,
      what: `The last ${entries === 1 ? 'entry points' : `${entries} entries point`} beyond the end of the log: the writer was stopped before the records were on the disk.`,
      whatABrokerWouldDo: REBUILDS,
      whatToDo: REBUILT,
    })
  }

  /** Bytes that are no whole entry. */
  checkSize(findings: Findings, rule: FindingRule, entryBytes: number): void {
    const rest = this.#sizeBytes % entryBytes
    if (rest === 0) return
    findings.add(this.name, {
      severity: this.isRebuiltOnOpen ? 'note' : 'warning',
      rule,
      position: this.#sizeBytes - rest,
      what: `The last ${rest} bytes are no whole entry of ${entryBytes}.`,
      whatABrokerWouldDo: REBUILDS,
      whatToDo: this.isRebuiltOnOpen ? REBUILT : REMOVE,
    })
  }

  #isZero(start: number, end: number): boolean {
    return this.bytes.compare(ZEROS, 0, end - start, start, end) === 0
  }
}

/** Where the zeros at the end of the file begin, at an entry's end. */
function usedBytes(file: File, sizeBytes: number): number {
  const chunk = Buffer.alloc(Math.min(CHUNK_BYTES, sizeBytes))
  let end = sizeBytes
  while (end > ENTRIES_BYTES) {
    const start = Math.max(0, end - chunk.length)
    const count = file.read(chunk.subarray(0, end - start), start)
    if (chunk.compare(ZEROS, 0, count, 0, count) !== 0) break
    end = start
  }
  return Math.min(sizeBytes, Math.ceil(Math.max(end, 1) / ENTRIES_BYTES) * ENTRIES_BYTES)
}
