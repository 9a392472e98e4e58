/** What a neighbour and an owner say to each other besides requests and answers, and how a request is put. */
import { TidemarkError } from '../errors.ts'
import type { Survives } from './broker.ts'
import {
  count,
  errorCode,
  flag,
  integer,
  listOf,
  nullable,
  object,
  oneOf,
  optional,
  type Shape,
  text,
} from './shape.ts'

/** Goes up with every change that the other side would not understand. */
export const PROTOCOL = 1

/** Records that one request may carry: several batches of the largest size that topics usually allow. */
export const MAX_ATTACHED_BYTES = 64 * 1024 * 1024

/** The first message of each side. Its shape must never change, since it tells versions apart. */
export interface Hello {
  readonly protocol: number
  readonly pid: number
  readonly clientId: string
  readonly survives: Survives
  /** Only looks who is there, and is none of them. */
  readonly isVisitor: boolean
}

export const hello: Shape<Hello> = object({
  protocol: integer,
  pid: count,
  clientId: text,
  survives: oneOf('power-loss', 'process-crash'),
  isVisitor: flag,
})

/** An error on its way. */
interface SentError {
  readonly code: TidemarkError['code']
  readonly message: string
  readonly topic?: string | undefined
  readonly partition?: number | undefined
  readonly offset?: number | undefined
}

const errorFields: Shape<SentError> = object({
  code: errorCode,
  message: text,
  topic: optional(text),
  partition: optional(integer),
  offset: optional(integer),
})

export const sentError: Shape<TidemarkError> = {
  pack: (thrown, attachments) => errorFields.pack(thrown, attachments),
  unpack(json, attachments, place) {
    const { code, message, ...where } = errorFields.unpack(json, attachments, place)
    return new TidemarkError(code, message, where)
  },
}

/** What is looked at later, by whoever knows what it is. */
const anything: Shape<unknown> = { pack: (value) => value, unpack: (json) => json }

/** What a neighbour sends: who it is, a request, or the number of one whose wait is to end. */
export interface NeighbourMessage {
  readonly hello?: unknown
  readonly id?: number | undefined
  readonly api?: string | undefined
  readonly request?: unknown
  readonly cancel?: number | undefined
}

export const neighbourMessage: Shape<NeighbourMessage> = object({
  hello: anything,
  id: optional(count),
  api: optional(text),
  request: anything,
  cancel: optional(count),
})

/** What an owner sends: who it is, an answer, news of topics, that it is about to go, or why it ends the connection. */
export interface OwnerMessage {
  readonly hello?: unknown
  readonly id?: number | undefined
  readonly answer?: unknown
  readonly error?: unknown
  readonly topicsChanged?: readonly string[] | null | undefined
  readonly closing?: boolean | undefined
  readonly goodbye?: string | undefined
}

export const ownerMessage: Shape<OwnerMessage> = object({
  hello: anything,
  id: optional(count),
  answer: anything,
  error: anything,
  topicsChanged: optional(nullable(listOf(text))),
  closing: optional(flag),
  goodbye: optional(text),
})

/** Which side has to be brought up to date. */
export function versionsDiffer(path: string, owner: Hello, ownPid: number): TidemarkError {
  const isOwnerOlder = owner.protocol < PROTOCOL
  const older = isOwnerOlder ? `process ${owner.pid}, which owns it,` : `this process (${ownPid})`
  return new TidemarkError(
    'DIRECTORY_IN_USE',
    `${path} is in use by process ${owner.pid}, whose Tidemark speaks version ${owner.protocol} of the local protocol; this one speaks ${PROTOCOL}. ` +
      `They cannot work together: the older is that of ${older}. Update it there, and start it again.`,
  )
}
