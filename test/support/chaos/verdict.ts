import { EVERY_RECORDS, type Evidence, type Life, parsePlace } from './evidence.ts'

/** What stands in the directory when everything is over. */
export interface Remains {
  /** The id of each record, by partition and offset. */
  readonly log: readonly (readonly string[])[]
  /** Every commit, oldest first. */
  readonly commits: readonly {
    readonly group: string
    readonly partition: number
    readonly offsets: readonly number[]
  }[]
}

export interface Verdict {
  /** What must not be, in words; empty if all is well. */
  readonly violations: readonly string[]
  readonly sent: number
  readonly refused: number
  /** Begun and never answered. */
  readonly unknown: number
  /** Of those, how many are there all the same. */
  readonly unknownStored: number
  readonly processed: number
  /** Processed once more, in all, and the most at one start of a partition. */
  readonly again: number
  readonly mostAgain: number
}

type Processed = Extract<Evidence, { what: 'processed' }> & { readonly life: number }

/** A record in hand may come again, too. */
const MAX_AGAIN = EVERY_RECORDS + 1

/** Holds what every process wrote down against what is there. */
export function judge(lives: readonly Life[], { log, commits }: Remains, groups: readonly string[]): Verdict {
  const violations: string[] = []
  const sends = judgeSends(lives, log, violations)
  judgeOrder(log, violations)
  for (const { group, partition, offsets } of commits) {
    const back = offsets.findIndex((offset, index) => index > 0 && offset < offsets[index - 1]!)
    if (back > 0)
      violations.push(`${group}: the commit of ${partition} goes back from ${offsets[back - 1]} to ${offsets[back]}`)
  }
  for (const { process, evidence } of lives) {
    for (const each of evidence) if (each.what === 'failed') violations.push(`${process} failed: ${each.why}`)
  }
  const total = { processed: 0, again: 0, mostAgain: 0 }
  for (const [key, runs] of processedBy(lives, groups, log.length)) {
    const [group = '', partition = ''] = key.split(' ')
    const found = judgeProcessing(`${group} ${partition}`, runs, log[Number(partition)] ?? [], violations)
    total.processed += runs.length
    total.again += found.again
    total.mostAgain = Math.max(total.mostAgain, found.mostAgain)
  }
  return { violations, ...sends, ...total }
}

/** Acknowledged means stored, once, where it was said; nothing is stored twice or out of nowhere. */
function judgeSends(lives: readonly Life[], log: Remains['log'], violations: string[]) {
  const places = new Map<string, string>()
  for (const [partition, ids] of log.entries()) {
    for (const [offset, id] of ids.entries()) {
      const place = `${partition}@${offset}`
      if (places.has(id)) violations.push(`${id} is stored twice: ${places.get(id)} and ${place}`)
      places.set(id, place)
    }
  }
  const begun = new Set<string>()
  const answered = new Set<string>()
  let [sent, refused] = [0, 0]
  for (const { process, evidence } of lives) {
    for (const each of evidence) {
      if (each.what === 'send') begun.add(each.id)
      else if (each.what === 'refused') {
        refused++
        answered.add(each.id)
      } else if (each.what === 'sent') {
        sent++
        answered.add(each.id)
        const place = places.get(each.id)
        if (place === undefined) violations.push(`${each.id}, acknowledged to ${process} at ${each.place}, is lost`)
        else if (place !== each.place) violations.push(`${each.id}, acknowledged at ${each.place}, is at ${place}`)
      }
    }
  }
  for (const id of places.keys()) if (!begun.has(id)) violations.push(`nobody has sent ${id}`)
  const unknown = [...begun].filter((id) => !answered.has(id))
  return { sent, refused, unknown: unknown.length, unknownStored: unknown.filter((id) => places.has(id)).length }
}

/** A key is in one partition, its records in the order sent. */
function judgeOrder(log: Remains['log'], violations: string[]): void {
  const last = new Map<string, { partition: number; number: number }>()
  for (const [partition, ids] of log.entries()) {
    for (const id of ids) {
      const [key = '', number = ''] = id.split(':')
      const before = last.get(key)
      if (before !== undefined && before.partition !== partition) {
        violations.push(`key ${key} is in partitions ${before.partition} and ${partition}`)
      } else if (before !== undefined && before.number >= Number(number)) {
        violations.push(`${id} stands behind ${key}:${before.number}`)
      }
      last.set(key, { partition, number: Number(number) })
    }
  }
}

/** By group and partition, in the order of time. */
function processedBy(lives: readonly Life[], groups: readonly string[], partitions: number): Map<string, Processed[]> {
  const all = new Map<string, Processed[]>()
  for (const group of groups) for (let each = 0; each < partitions; each++) all.set(`${group} ${each}`, [])
  for (const [life, { evidence }] of lives.entries()) {
    for (const each of evidence) {
      if (each.what !== 'processed') continue
      const { partition } = parsePlace(each.place)
      all.get(`${each.group} ${partition}`)?.push({ ...each, life })
    }
  }
  for (const runs of all.values()) runs.sort((a, b) => a.atMs - b.atMs)
  return all
}

/**
 * Follows a partition through the hands of a group: whoever begins in it begins nowhere behind the first record that was
 * not processed by then, and not further before it than a commit reaches back; and goes on without a gap.
 */
function judgeProcessing(where: string, runs: readonly Processed[], ids: readonly string[], violations: string[]) {
  /** All below were processed. */
  let frontier = 0
  /** Where each life goes on, and how much it did again without a new record in between. */
  const hands = new Map<number, { next: number; again: number }>()
  let [again, mostAgain] = [0, 0]
  for (const { life, place, id } of runs) {
    const { offset } = parsePlace(place)
    if (ids[offset] !== id) violations.push(`${where}: ${place} was handed out as ${id}, and is ${ids[offset]}`)
    let hand = hands.get(life)
    // Where a life comes back to a partition that it had before, it begins anew.
    if (hand === undefined || offset !== hand.next) {
      if (offset > frontier) violations.push(`${where}: ${frontier} to ${offset - 1} were skipped, ${place} came first`)
      hand = { next: offset, again: 0 }
      hands.set(life, hand)
    }
    hand.next = offset + 1
    if (offset < frontier) {
      again++
      hand.again++
      mostAgain = Math.max(mostAgain, hand.again)
      if (hand.again === MAX_AGAIN + 1)
        violations.push(`${where}: more than ${MAX_AGAIN} records came again, up to ${place}`)
    }
    if (offset >= frontier) {
      hand.again = 0
      frontier = offset + 1
    }
  }
  if (frontier < ids.length) violations.push(`${where}: ${frontier} to ${ids.length - 1} were never processed`)
  return { again, mostAgain }
}
