import { TidemarkError } from '../errors.ts'
import type { GroupTable } from '../group/group-table.ts'
import { groupPartition } from '../offsets/group-partition.ts'
import { parseRecordKey } from '../offsets/record-key.ts'
import type { RecordBatch } from '../record/record-batch.ts'
import { CONSUMER_OFFSETS_TOPIC } from '../topic/topic-name.ts'
import type { Finding } from './finding.ts'
import { Findings } from './finding.ts'
import { GroupOrderCheck } from './group-order-check.ts'

/** Reads one partition of `__consumer_offsets` as a broker's coordinator would when it loads it. */
export class OffsetsTopicCheck {
  readonly #partition: number
  readonly #partitionCount: number
  readonly #table: GroupTable
  readonly #order = new GroupOrderCheck()
  readonly #findings: Findings
  readonly #misplaced = new Set<string>()

  /** `table` gets what can be replayed. */
  constructor(partition: number, partitionCount: number, table: GroupTable) {
    this.#partition = partition
    this.#partitionCount = partitionCount
    this.#table = table
    this.#findings = new Findings(CONSUMER_OFFSETS_TOPIC, partition)
  }

  get findings(): readonly Finding[] {
    return this.#findings.list
  }

  visit(batch: RecordBatch, position: number, file: string): void {
    if (batch.isControl) {
      this.#guarded(file, position, batch.baseOffset, () => this.#table.replayBatch(this.#partition, batch))
      return
    }
    const { producerId } = batch
    const records = this.#guarded(file, position, batch.baseOffset, () => batch.records()) ?? []
    for (const { key, value, offset } of records) {
      this.#guarded(file, position, offset, () => {
        const place = { offsetsPartition: this.#partition, producerId, logOffset: offset }
        this.#table.replay({ key, value }, place)
        this.#checkRecord(key, value, { file, position, offset })
      })
    }
  }

  #checkRecord(
    key: Buffer | null,
    value: Buffer | null,
    place: { file: string; position: number; offset: number },
  ): void {
    const parsed = parseRecordKey(key)
    if (parsed.kind === 'unknown') return
    const problem = this.#order.replay(parsed, value)
    if (problem !== null) {
      this.#findings.add(place.file, {
        severity: 'warning',
        rule: 'offsets-topic',
        position: place.position,
        what: `At offset ${place.offset} ${problem}.`,
        offset: place.offset,
        whatABrokerWouldDo: 'It refuses every group of this partition of __consumer_offsets. Tidemark does not.',
        whatToDo:
          'Please report it. Delete the group before a broker is started on the directory; its commits go with it.',
      })
    }
    const right = groupPartition(parsed.group, this.#partitionCount)
    if (right === this.#partition || this.#misplaced.has(parsed.group)) return
    this.#misplaced.add(parsed.group)
    this.#findings.add(place.file, {
      severity: 'warning',
      rule: 'offsets-topic',
      position: place.position,
      what: `Group ${JSON.stringify(parsed.group)} stands here, but belongs into partition ${right}.`,
      offset: place.offset,
      whatABrokerWouldDo: 'It does not find the group: its consumers begin as new ones.',
      whatToDo: 'Restore __consumer_offsets from a copy, or commit the group again.',
    })
  }

  #guarded<T>(file: string, position: number, offset: number, work: () => T): T | undefined {
    try {
      return work()
    } catch (error) {
      if (!(error instanceof TidemarkError)) throw error
      // A batch whose records cannot be decoded has been reported as such.
      if (this.#findings.list.some((finding) => finding.position === position && finding.file === file))
        return undefined
      this.#findings.add(file, {
        severity: error.code === 'UNSUPPORTED' ? 'warning' : 'damage',
        rule: 'offsets-topic',
        position,
        offset,
        what: `The record at offset ${offset} is not understood: ${error.message}`,
        whatABrokerWouldDo:
          'It passes over record types it does not know, and refuses the groups of this partition for others.',
        whatToDo:
          'What the group committed with it is lost. Restore the partition from a copy, or reset the group (tidemark reset).',
      })
      return undefined
    }
  }
}
