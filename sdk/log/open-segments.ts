/** What can give up its descriptor and its indexes, and get them again when needed. */
export interface Releasable {
  release(): void
}

/**
 * The old segments of one log that have a descriptor and indexes in memory. A log can have thousands of segments, a
 * process far fewer descriptors: beyond `limit` the one that was not used for longest gives its up.
 */
export class OpenSegments {
  private readonly limit: number
  private readonly open = new Set<Releasable>()
  private latest: Releasable | undefined

  constructor(limit = 8) {
    this.limit = limit
  }

  /** To be called on every use. */
  use(segment: Releasable): void {
    if (segment === this.latest) return
    this.latest = segment
    this.open.delete(segment)
    this.open.add(segment)
    if (this.open.size <= this.limit) return
    for (const oldest of this.open) {
      this.drop(oldest)
      oldest.release()
      return
    }
  }

  drop(segment: Releasable): void {
    this.open.delete(segment)
    if (this.latest === segment) this.latest = undefined
  }

  releaseAll(): void {
    for (const segment of this.open) segment.release()
    this.open.clear()
    this.latest = undefined
  }
}
