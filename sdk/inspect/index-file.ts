import type { FindingRule, Findings } from './finding.ts'

export interface WrongEntries {
  readonly rule: FindingRule
  readonly position: number
  readonly what: string
  readonly wrongCount: number
  readonly effect: string
}

const REBUILT = 'Nothing: the next opening makes the file anew from the log.'
const REMOVE =
  'No record is lost, and Tidemark checks what it uses of an index. Before a broker starts on the directory, stop the owner and remove the .index and .timeindex of this segment: they are made anew from the log.'

/** The bytes of an index file, and what is said about it. Indexes have no checksum, but the log itself proves each entry. */
export class IndexFile {
  /** Relative to the data directory. */
  readonly name: string
  readonly bytes: Buffer
  readonly baseOffset: number
  /** The segment is recovered at the next opening, which writes its indexes anew: what a crash left in them is harmless. */
  readonly isRebuiltOnOpen: boolean

  constructor(name: string, bytes: Buffer, options: { baseOffset: number; isRebuiltOnOpen: boolean }) {
    this.name = name
    this.bytes = bytes
    this.baseOffset = options.baseOffset
    this.isRebuiltOnOpen = options.isRebuiltOnOpen
  }

  /** Whole entries, without the zeros that a preallocated file ends with. */
  countEntries(entryBytes: number): number {
    let count = Math.floor(this.bytes.length / entryBytes)
    while (count > 0 && isZero(this.bytes, (count - 1) * entryBytes, count * entryBytes)) count -= 1
    return count
  }

  addWrong(findings: Findings, wrong: WrongEntries): void {
    const { rule, position, what, wrongCount, effect } = wrong
    const others = wrongCount === 1 ? '' : ` ${wrongCount - 1} more are wrong.`
    findings.add(this.name, {
      severity: this.isRebuiltOnOpen ? 'note' : 'warning',
      rule,
      position,
      what: `${what}${others} ${this.isRebuiltOnOpen ? 'The file was not closed in order.' : effect}`,
      whatToDo: this.isRebuiltOnOpen ? REBUILT : REMOVE,
    })
  }

  noteBeyondEnd(findings: Findings, rule: FindingRule, entries: number, position: number): void {
    findings.add(this.name, {
      severity: 'note',
      rule,
      position,
      what: `The last ${entries === 1 ? 'entry points' : `${entries} entries point`} beyond the end of the log: the writer was stopped before the records were on the disk.`,
      whatToDo: REBUILT,
    })
  }

  /** Bytes that are no whole entry. */
  checkSize(findings: Findings, rule: FindingRule, entryBytes: number): void {
    const rest = this.bytes.length % entryBytes
    if (rest === 0) return
    findings.add(this.name, {
      severity: this.isRebuiltOnOpen ? 'note' : 'warning',
      rule,
      position: this.bytes.length - rest,
      what: `The last ${rest} bytes are no whole entry of ${entryBytes}.`,
      whatToDo: this.isRebuiltOnOpen ? REBUILT : REMOVE,
    })
  }
}

function isZero(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] !== 0) return false
  return true
}
