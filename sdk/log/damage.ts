/** A part of the log that cannot be read. The bytes are left as they are. */
export interface DamagedRange {
  /** The first offset that is lost. */
  readonly fromOffset: number
  /** The next offset that can be read again, or will be written. The same where only bytes are wrong and no offset is lost. */
  readonly toOffset: number
  /** Base offset of the segment. */
  readonly segment: number
  /** The byte of the segment's file where the damage begins. */
  readonly position: number
  /** The byte behind it; the same as `position` where bytes are missing. */
  readonly endPosition: number
  /** For people: what is wrong. */
  readonly reason: string
}

/** The damage a log knows of, in order. */
export class Damage {
  #ranges: DamagedRange[] = []
  /** Counts additions: what was derived from the log before one may have been derived from damaged bytes. */
  additions = 0

  get ranges(): readonly DamagedRange[] {
    return this.#ranges
  }

  /** Ranges that overlap it are replaced. */
  add(range: DamagedRange): void {
    this.additions++
    const others = this.#ranges.filter(
      (other) => other.toOffset <= range.fromOffset || other.fromOffset >= range.toOffset,
    )
    this.#ranges = [...others, range].sort((one, other) => one.fromOffset - other.fromOffset)
  }

  clear(): void {
    this.#ranges = []
  }

  at(offset: number): DamagedRange | undefined {
    if (this.#ranges.length === 0) return undefined
    return this.#ranges.find((range) => range.fromOffset <= offset && offset < range.toOffset)
  }

  /** The first lost offsets at or above `offset`. */
  after(offset: number): DamagedRange | undefined {
    if (this.#ranges.length === 0) return undefined
    return this.#ranges.find((range) => range.fromOffset >= offset && range.toOffset > range.fromOffset)
  }

  /** Forgets what lies outside `fromOffset` … `toOffset`. */
  keep(fromOffset: number, toOffset: number): void {
    if (this.#ranges.length === 0) return
    this.#ranges = this.#ranges.filter((range) => range.toOffset > fromOffset && range.fromOffset < toOffset)
  }
}
