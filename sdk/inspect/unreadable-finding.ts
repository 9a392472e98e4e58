import type { UnreadableBytes } from './batch-sequence.ts'
import type { FindingDetails } from './finding.ts'

/** What is known about the partition once all of it was walked. */
export interface LogOutcome {
  readonly logEndOffset: number
  /** The marker of an orderly stop is there: a broker will not look at the tail. */
  readonly wasCleanShutdown: boolean
  /** Everything below was flushed. */
  readonly recoveryPoint: number
  /** By segment: how many bytes it has, and whether a broker checks it when it starts. */
  readonly segments: readonly { readonly sizeBytes: number; readonly isRecovered: boolean }[]
}

/** What to say about bytes that hold no readable batch. */
export function unreadableFinding(bytes: UnreadableBytes, log: LogOutcome): FindingDetails {
  const { segment, endPosition } = bytes
  const isTail = segment === log.segments.length - 1 && endPosition === log.segments[segment]!.sizeBytes
  const wasFlushed = bytes.fromOffset < log.recoveryPoint
  if (!isTail || wasFlushed || (log.wasCleanShutdown && bytes.kind === 'damaged')) return damage(bytes, log, isTail)
  return tornTail(bytes, log)
}

function tornTail(bytes: UnreadableBytes, log: LogOutcome): FindingDetails {
  const { position, endPosition, kind, reason, fromOffset } = bytes
  const size = byteCount(endPosition - position)
  const what =
    kind === 'zeros'
      ? `The last ${size} are zeros: space that was allocated, but whose records never reached the disk.`
      : `The last ${size} are no whole batch (${reason}): the writer was stopped in the middle of a write.`
  if (!log.wasCleanShutdown) {
    return {
      severity: 'note',
      rule: 'torn-tail',
      position,
      what,
      offset: fromOffset,
      whatABrokerWouldDo: `It cuts the last ${size}. The log then ends at offset ${fromOffset}, as it does for readers now.`,
      whatToDo: 'Nothing: the next opening cuts them off. No write that was confirmed as flushed is among them.',
    }
  }
  return {
    severity: 'warning',
    rule: 'torn-tail',
    position,
    what: `${what} Yet the directory says that it was closed in order (.kafka_cleanshutdown).`,
    offset: fromOffset,
    whatABrokerWouldDo:
      'At first nothing: it trusts .kafka_cleanshutdown and appends behind these bytes. Its next recovery then cuts them and every record that was appended behind them.',
    whatToDo:
      'Open the directory once for writing, which cuts them off; or remove .kafka_cleanshutdown before a broker starts on it.',
  }
}

function damage(bytes: UnreadableBytes, log: LogOutcome, isTail: boolean): FindingDetails {
  const { position, endPosition, reason, fromOffset } = bytes
  const to = lostTo(bytes, log)
  const size = byteCount(endPosition - position)
  const isLoss = to === null || to > fromOffset
  const lost = isLoss ? '' : ' No offset is lost with them.'
  const behind = isTail ? '' : ' What stands behind them can be read.'
  return {
    severity: 'damage',
    rule: 'batch',
    position,
    offsetsLost: isLoss ? { from: fromOffset, to } : null,
    what: `${size} cannot be read (${reason}).${lost}${behind}`,
    offset: fromOffset,
    whatABrokerWouldDo: brokerCut(bytes, log),
    whatToDo:
      "Restore the partition from a copy if you have one. Otherwise a consumer stops here with CORRUPT_BATCH until it is told to go on (onDamage: 'skip').",
  }
}

/** Behind the last offset that is lost; null where nobody knows. */
function lostTo(bytes: UnreadableBytes, log: LogOutcome): number | null {
  if (bytes.toOffset !== null) return bytes.toOffset
  const known = Math.max(bytes.declaredNextOffset ?? -1, log.recoveryPoint)
  return known > bytes.fromOffset ? known : null
}

/** A broker truncates where it finds the first bad batch, and drops all segments behind. */
function brokerCut(bytes: UnreadableBytes, log: LogOutcome): string {
  if (log.wasCleanShutdown || !log.segments[bytes.segment]!.isRecovered) {
    return 'It cuts nothing here, since it does not check what was closed in order; consumers stop at these bytes.'
  }
  const rest = log.segments.slice(bytes.segment)
  const cutBytes = rest.reduce((total, { sizeBytes }) => total + sizeBytes, 0) - bytes.position
  const end = log.logEndOffset > bytes.fromOffset ? `: ${offsetsWords(bytes.fromOffset, log.logEndOffset)}` : ''
  return `It cuts everything from here to the end of the log, ${byteCount(cutBytes)}${end}.`
}

function offsetsWords(from: number, to: number): string {
  return to - from === 1 ? `offset ${from}` : `offsets ${from} to ${to - 1}`
}

function byteCount(count: number): string {
  return count === 1 ? '1 byte' : `${count} bytes`
}
