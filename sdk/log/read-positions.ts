import type { Segment } from './segment.ts'

/** More readers of one partition than this go back to the index now and then. */
const REMEMBERED = 16

/** Where the last reads ended, so that the next one, which goes on there, needs no index and no scan. */
export class ReadPositions {
  private readonly segments: (Segment | undefined)[] = new Array(REMEMBERED).fill(undefined)
  private readonly offsets: number[] = new Array(REMEMBERED).fill(-1)
  private readonly positions: number[] = new Array(REMEMBERED).fill(0)
  private oldest = 0

  find(segment: Segment, offset: number): number | undefined {
    for (let at = 0; at < REMEMBERED; at++) {
      if (this.offsets[at] === offset && this.segments[at] === segment) return this.positions[at]
    }
    return undefined
  }

  remember(segment: Segment, offset: number, position: number): void {
    if (this.find(segment, offset) !== undefined) return
    const at = this.oldest
    this.segments[at] = segment
    this.offsets[at] = offset
    this.positions[at] = position
    this.oldest = (at + 1) % REMEMBERED
  }

  clear(): void {
    this.segments.fill(undefined)
    this.offsets.fill(-1)
  }
}
