/** Which records a document shows, as text that fits into the query of an address. */
export interface RecordPlace {
  readonly source: string
  readonly topic: string
  readonly partition: number
  /** The record in the middle; 'end': the newest, and those that come while the document is open. */
  readonly offset: number | 'end'
  /** The group that stands there. */
  readonly group?: string
}

export function placeToQuery(place: RecordPlace): string {
  return JSON.stringify(place)
}

/** @throws {SyntaxError} where it is none */
export function placeOfQuery(query: string): RecordPlace {
  return JSON.parse(query) as RecordPlace
}

/** What stands on the tab: `payments-0@1851`, the id of the record. */
export function placeTitle({ topic, partition, offset }: RecordPlace): string {
  return `${topic}-${partition}@${offset}`
}
