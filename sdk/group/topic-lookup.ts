/** What the coordinator needs to know of a topic. */
export interface TopicShape {
  readonly name: string
  /** 22 characters of base64url. */
  readonly topicId: string
  readonly partitionCount: number
}

/** The topics as they are now. Members subscribe to names, records hold ids. */
export interface TopicLookup {
  byName(name: string): TopicShape | undefined
  byId(topicId: string): TopicShape | undefined
}
