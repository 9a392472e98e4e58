import {
  type CurrentAssignmentRecord,
  decodeCurrentAssignment,
} from '../../../../sdk/group/current-assignment-record.ts'
import { decodeGroupEpoch } from '../../../../sdk/group/group-epoch-record.ts'
import { decodeMember } from '../../../../sdk/group/member-record.ts'
import { decodeTarget, decodeTargetEpoch } from '../../../../sdk/group/target-record.ts'
import type { CoordinatorRecord } from '../../../../sdk/offsets/coordinator-record.ts'
import { ByteReader } from '../../../../sdk/record/byte-reader.ts'

interface StrictGroup {
  groupEpoch: number
  targetEpoch: number
  members: Set<string>
  current: Map<string, CurrentAssignmentRecord>
  targets: Map<string, ReadonlySet<string>>
  owners: Map<string, string>
}

/**
 * Replays `__consumer_offsets` as a Kafka broker does, where one record out of order makes the whole partition unusable,
 * and a little stricter: what Kafka tolerates for the sake of compaction is an error in records that were just written.
 */
export class StrictReplay {
  readonly #consumer = new Map<string, StrictGroup>()
  readonly #classic = new Set<string>()

  /** Throws at the first record a broker would stumble over. */
  replay(records: readonly CoordinatorRecord[]): void {
    for (const { key, value } of records) {
      const reader = new ByteReader(key)
      const type = reader.i16()
      const group = reader.string16()
      const second = reader.remaining > 0 && type !== 1 ? reader.string16() : ''
      this.#replay(type, group, second, value)
    }
  }

  #replay(type: number, group: string, second: string, value: Buffer | null): void {
    if (type === 1) return
    if (type === 2) this.#replayClassic(group, value)
    else if (type === 3) this.#replayGroupEpoch(group, value)
    else if (type === 4) check(value === null, 'type 4 has only a tombstone')
    else if (type === 5) this.#replayMember(group, second, value)
    else if (type === 6) this.#replayTargetEpoch(group, value)
    else if (type === 7) this.#replayTarget(group, second, value)
    else if (type === 8) this.#replayCurrent(group, second, value)
    else check(type === 16 && value === null, `type ${type} is not ours to write`)
  }

  #replayClassic(group: string, value: Buffer | null): void {
    check(!this.#consumer.has(group), `type 2 for ${group}, which is a consumer group`)
    if (value === null) this.#classic.delete(group)
    else this.#classic.add(group)
  }

  #replayGroupEpoch(name: string, value: Buffer | null): void {
    const group = this.#consumerGroup(name)
    if (value !== null) {
      const { epoch } = decodeGroupEpoch(value)
      check(epoch === group.groupEpoch + 1, `epoch ${epoch} after ${group.groupEpoch}`)
      group.groupEpoch = epoch
      return
    }
    check(group.members.size === 0, 'type 3 struck out while there are members')
    check(group.targets.size === 0, 'type 3 struck out while there are targets')
    check(group.targetEpoch === -1, 'type 3 struck out before type 6')
    this.#consumer.delete(name)
  }

  #replayMember(name: string, memberId: string, value: Buffer | null): void {
    const group = this.#consumerGroup(name)
    if (value !== null) {
      check(decodeMember(value).classic === null, `member ${memberId} looks classic`)
      group.members.add(memberId)
      return
    }
    check(group.members.has(memberId), `tombstone for ${memberId}, which is not there`)
    check(!group.current.has(memberId), `type 5 of ${memberId} struck out before its type 8`)
    check(!group.targets.has(memberId), `type 5 of ${memberId} struck out before its type 7`)
    group.members.delete(memberId)
  }

  #replayTargetEpoch(name: string, value: Buffer | null): void {
    const group = this.#consumerGroup(name)
    if (value === null) {
      check(group.targets.size === 0, 'type 6 struck out while there are targets')
      group.targetEpoch = -1
      return
    }
    const { assignmentEpoch } = decodeTargetEpoch(value)
    check(assignmentEpoch === group.groupEpoch, `target for epoch ${assignmentEpoch} at ${group.groupEpoch}`)
    const all = [...group.targets.values()].flatMap((target) => [...target])
    check(new Set(all).size === all.length, 'a partition is in two targets')
    group.targetEpoch = assignmentEpoch
  }

  #replayTarget(name: string, memberId: string, value: Buffer | null): void {
    const group = this.#consumerGroup(name)
    if (value === null) group.targets.delete(memberId)
    else {
      check(group.members.has(memberId), `target of ${memberId}, which is not there`)
      group.targets.set(memberId, decodeTarget(value))
    }
  }

  #replayCurrent(name: string, memberId: string, value: Buffer | null): void {
    const group = this.#consumerGroup(name)
    check(group.members.has(memberId), `type 8 of ${memberId}, which is not there`)
    for (const [id, owner] of group.owners) if (owner === memberId) group.owners.delete(id)
    if (value === null) {
      group.current.delete(memberId)
      return
    }
    const record = decodeCurrentAssignment(value)
    check(record.memberEpoch <= group.targetEpoch, `${memberId} at ${record.memberEpoch}, target ${group.targetEpoch}`)
    for (const id of [...record.assigned.keys(), ...record.pendingRevocation.keys()]) {
      check(!group.owners.has(id), `${id} goes to ${memberId} while ${group.owners.get(id)} has it`)
      group.owners.set(id, memberId)
    }
    group.current.set(memberId, record)
  }

  #consumerGroup(name: string): StrictGroup {
    check(!this.#classic.has(name), `consumer record for ${name}, which is a classic group`)
    let group = this.#consumer.get(name)
    if (group === undefined) {
      group = {
        groupEpoch: 1,
        targetEpoch: 1,
        members: new Set(),
        current: new Map(),
        targets: new Map(),
        owners: new Map(),
      }
      this.#consumer.set(name, group)
    }
    return group
  }
}

function check(condition: boolean, message: string): void {
  if (!condition) throw new Error(`A broker would refuse this partition: ${message}.`)
}
