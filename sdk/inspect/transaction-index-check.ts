import { readWholeFile } from '../log/whole-file.ts'
import { isSafeInt64, readInt64 } from '../record/int64.ts'
import type { FileToCheck } from './producer-snapshot-check.ts'

/** int16 version · int64 producerId, firstOffset, lastOffset, lastStableOffset. */
const ENTRY_BYTES = 34

/** One `.txnindex` file: the aborted transactions of a segment. */
export function checkTransactionIndex(file: FileToCheck, logEndOffset: number): void {
  const { files, path, name, findings, isMendedOnOpen } = file
  const bytes = readWholeFile(files, path)
  if (bytes === undefined) return
  const rest = bytes.length % ENTRY_BYTES
  let problem =
    rest === 0 ? undefined : { position: bytes.length - rest, why: `the last ${rest} bytes are no whole entry` }
  let lastEnd = -1
  for (let position = 0; position + ENTRY_BYTES <= bytes.length && problem === undefined; position += ENTRY_BYTES) {
    const why = entryProblem(bytes, position, { lastEnd, logEndOffset })
    if (why !== null) problem = { position, why }
    else lastEnd = readInt64(bytes, position + 18)
  }
  if (problem === undefined) return
  // An entry is written before its marker, so a crash may leave the last one alone, or a part of it.
  const isLast = bytes.length - problem.position <= ENTRY_BYTES
  if (isLast && isMendedOnOpen) {
    findings.add(name, {
      severity: 'note',
      rule: 'transaction-index',
      position: problem.position,
      what: 'The index of aborted transactions ends with one whose marker was not written.',
      whatABrokerWouldDo: 'It aborts the transaction again.',
      whatToDo: 'Nothing: the next opening cuts the entry off.',
    })
    return
  }
  findings.add(name, {
    severity: 'damage',
    rule: 'transaction-index',
    position: problem.position,
    what: `The index of aborted transactions is damaged: ${problem.why}. Readers of committed records only may get aborted ones.`,
    whatABrokerWouldDo: 'It takes the index as it is, or makes it anew where it recovers the segment.',
    whatToDo: 'Restore the file from a copy.',
  })
}

function entryProblem(bytes: Buffer, position: number, log: { lastEnd: number; logEndOffset: number }): string | null {
  const version = bytes.readInt16BE(position)
  if (version !== 0) return `an entry has version ${version}, not 0`
  for (const at of [2, 10, 18, 26]) if (!isSafeInt64(bytes, position + at)) return 'an entry holds no possible offset'
  const firstOffset = readInt64(bytes, position + 10)
  const lastOffset = readInt64(bytes, position + 18)
  if (firstOffset > lastOffset) return `a transaction begins at ${firstOffset} and ends at ${lastOffset}`
  if (lastOffset <= log.lastEnd)
    return `the transaction that ends at ${lastOffset} stands behind one that ends at ${log.lastEnd}`
  return lastOffset < log.logEndOffset ? null : `a transaction ends at ${lastOffset}, beyond the log`
}
