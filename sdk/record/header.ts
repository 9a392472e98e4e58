/** One header of a record. Keys may repeat; their order is kept. */
export interface Header {
  /** Its name. */
  readonly key: string
  /** null is allowed, and is not the same as no bytes. */
  readonly value: Uint8Array | null
}
