/** What one look at a data directory has found: plain data, for the tree, the lenses and the status bar alike. */
import type { GroupHealth, GroupState, GroupType, LagRow } from 'tidemark'

/** A data directory, as it was when it was last read. */
export interface SourceSnapshot {
  /** The path of the directory; unique among the sources. */
  readonly id: string
  /** What it is called in the tree: its path within the workspace. */
  readonly name: string
  readonly status: SourceStatus
  /** By name. Empty unless the source was read. */
  readonly groups: readonly GroupSnapshot[]
  /** Milliseconds since 1970. */
  readonly readAtMs: number
}

export type SourceStatus =
  | { readonly kind: 'reading' }
  | { readonly kind: 'read' }
  /** `reason`: for people, a sentence. What `groups` holds is what was read before. */
  | { readonly kind: 'unavailable'; readonly reason: string }

/** A consumer group in a source. */
export interface GroupSnapshot {
  readonly group: string
  readonly type: GroupType
  readonly state: GroupState
  /** One per partition that it has committed or holds, by topic and partition. */
  readonly rows: readonly LagRow[]
  /** Trend, time lag and verdicts; undefined until it was first judged. It may be some seconds older than the rows. */
  readonly health: GroupHealth | undefined
}
