import type { FileSystem } from '../environment/environment.ts'
import { readWholeFile } from '../log/whole-file.ts'
import { crc32c } from '../record/crc32c.ts'
import type { Findings } from './finding.ts'

export interface FileToCheck {
  readonly files: FileSystem
  readonly path: string
  /** Relative to the data directory. */
  readonly name: string
  readonly findings: Findings
  /** The next opening makes up for what a crash left of the file. */
  readonly isMendedOnOpen: boolean
}

/** int16 version · uint32 CRC of what follows · int32 count · entries. */
const HEADER_BYTES = 10
const CRC_END = 6
const ENTRY_BYTES = 46

/** One `.snapshot` file: what idempotent producers had written before the offset in its name. */
export function checkProducerSnapshot(
  { files, path, name, findings, isMendedOnOpen }: FileToCheck,
  offset: number,
  logEndOffset: number,
): void {
  const bytes = readWholeFile(files, path)
  if (bytes === undefined) return
  const problem = findProblem(bytes)
  // These files are never flushed, so a power loss may take all of one, even after an orderly close.
  const isAfterCrash = isMendedOnOpen || bytes.every((byte) => byte === 0)
  if (problem !== null) {
    findings.add(name, {
      severity: isAfterCrash ? 'note' : 'warning',
      rule: 'producer-snapshot',
      position: 0,
      what: `The snapshot of producer states is damaged: ${problem}.`,
      whatABrokerWouldDo: 'It removes the file, takes an older one and reads the log from there.',
      whatToDo: isAfterCrash
        ? 'Nothing: these files are not flushed, so a crash may leave one torn, and the next opening does without it.'
        : 'No record is lost. Stop the owner and remove this file.',
    })
  } else if (offset > logEndOffset) {
    findings.add(name, {
      severity: 'note',
      rule: 'producer-snapshot',
      what: `The snapshot is of offset ${offset}, beyond the end of the log, ${logEndOffset}.`,
      whatABrokerWouldDo: 'It removes the file.',
      whatToDo: 'Nothing: the next opening removes it.',
    })
  }
}

function findProblem(bytes: Buffer): string | null {
  if (bytes.length < HEADER_BYTES) return `it has ${bytes.length} bytes, at least ${HEADER_BYTES} are needed`
  const version = bytes.readInt16BE(0)
  if (version !== 1) return `its version is ${version}, not 1`
  const crc = crc32c(bytes.subarray(CRC_END))
  if (crc !== bytes.readUInt32BE(2)) return `its CRC is ${bytes.readUInt32BE(2)}, its bytes give ${crc}`
  const count = bytes.readInt32BE(CRC_END)
  const isWhole = bytes.length === HEADER_BYTES + count * ENTRY_BYTES
  return isWhole ? null : `it declares ${count} entries and has ${bytes.length} bytes`
}
