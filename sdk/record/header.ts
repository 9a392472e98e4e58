/** One header of a record. Keys may repeat; their order is kept. */
export interface Header {
  readonly key: string
  readonly value: Uint8Array | null
}
