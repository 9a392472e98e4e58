/** A place in source code where records are consumed. */
export interface ConsumeCall {
  /** What stands behind `group:`. */
  readonly group: GroupArgument
  /** Names of the topics, as far as the file says them. */
  readonly topics: readonly string[]
  /** Where the lens goes: the property `consume`, zero-based. */
  readonly line: number
  readonly column: number
}

export type GroupArgument =
  | { readonly kind: 'literal'; readonly name: string }
  /** Anything that only a running program knows. `text`: as it is written. */
  | { readonly kind: 'expression'; readonly text: string }
