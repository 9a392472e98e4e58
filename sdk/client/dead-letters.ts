import { checkTopicName } from '../topic/topic-name.ts'
import { byteTopic } from './byte-topics.ts'
import type { ClientContext } from './client-context.ts'
import { buriedRecord, type DeadLetter, parseDeadLetter } from './dead-letter.ts'
import { boolean, checkArgument, checkOptions, listOf, type OptionKinds, object, text } from './option-check.ts'
import { type SentBack, SentBackNotes, sentBackHeaders } from './sent-back.ts'

/** Which dead letters are wanted. */
export interface DeadLettersOptions {
  /** Those of one group. Default: of all. */
  readonly group?: string | undefined
  /** Those that were sent back, too. Default false. */
  readonly sentBack?: boolean | undefined
}

/** A dead letter, and what became of it. */
export interface ListedDeadLetter extends DeadLetter {
  /** Where it was sent back to; null: it was not. */
  readonly sentBack: SentBack | null
}

const LIST_KINDS: OptionKinds<DeadLettersOptions> = { group: text, sentBack: boolean }
/** So many are sent before they are noted: that is what a crash in between sends once more, at most. */
const LETTERS_PER_NOTE = 100

/** One at a time within the process, so that nothing is sent twice by two who began together. */
const underWay = new WeakMap<ClientContext, Promise<unknown>>()

/** A topic of dead letters: what is in it, and back to where it came from. */
export class DeadLetters {
  /** What it is called. */
  readonly topic: string
  readonly #context: ClientContext

  /** Use `tide.deadLetters`. @throws {TidemarkError} INVALID_TOPIC */
  constructor(context: ClientContext, topic: string) {
    checkTopicName(topic)
    this.topic = topic
    this.#context = context
  }

  /**
   * Those that were not sent back, by partition, the oldest first; one of each record and group. Records of the topic that
   * are no dead letters are left out, and the topic need not be there yet. Works beside the owner, too.
   * @throws {TidemarkError} INVALID_ARGUMENT, STORAGE_ERROR
   */
  async list(options: DeadLettersOptions = {}): Promise<ListedDeadLetter[]> {
    checkOptions('deadLetters.list', options, LIST_KINDS)
    const notes = await SentBackNotes.read(this.#context, this.topic)
    if (notes === undefined) return []
    const letters: ListedDeadLetter[] = []
    const stored = byteTopic(this.#context, this.topic, { create: 'never' }).read({ follow: false, onDamage: 'skip' })
    for await (const record of stored) {
      const letter = parseDeadLetter(record)
      if (letter === undefined || letter.group !== (options.group ?? letter.group)) continue
      letters.push({ ...letter, sentBack: notes.of(letter.id) })
    }
    letters.sort((one, other) => one.partition - other.partition || one.offset - other.offset)
    return onePerRecord(letters).filter(({ sentBack }) => sentBack === null || options.sentBack === true)
  }

  /**
   * Sends letters back to the topic and the partition that they came from, with key, value and headers as they were and a
   * header that says so (`tidemark.sent-back`: the letter's id). They are new records there, for every group. Those that
   * were sent back before are left out; the answer says where each of the others is now, in the order given. Default: all.
   *
   * Both the records and the note that they were sent survive a power loss when it resolves. A crash between the two
   * leaves at most 100 letters that a later call sends once more.
   *
   * @throws {TidemarkError} UNKNOWN_TOPIC where the topic or the partition is gone, READ_ONLY, and as `send`
   */
  async sendBack(letters?: readonly DeadLetter[]): Promise<SentBack[]> {
    const example = 'sendBack(await deadLetters.list())'
    if (letters !== undefined) {
      checkArgument('deadLetters.sendBack', 'letters', letters, listOf('dead letters', object('')), example)
    }
    const before = underWay.get(this.#context) ?? Promise.resolve()
    const sending = before.then(() => this.#sendBack(letters))
    underWay.set(
      this.#context,
      sending.catch(() => {}),
    )
    return await sending
  }

  async #sendBack(given: readonly DeadLetter[] | undefined): Promise<SentBack[]> {
    const letters = given ?? (await this.list())
    const notes = await SentBackNotes.read(this.#context, this.topic)
    if (notes === undefined) return []
    const wanted = new Map(letters.filter(({ id }) => notes.of(id) === null).map((letter) => [letter.id, letter]))
    const all: SentBack[] = []
    for (let at = 0; at < wanted.size; at += LETTERS_PER_NOTE) {
      const some = [...wanted.values()].slice(at, at + LETTERS_PER_NOTE)
      const outcomes = await Promise.allSettled(some.map((letter) => this.#send(letter)))
      const sent = outcomes.flatMap((outcome, index) => {
        return outcome.status === 'fulfilled' ? [[some[index]!.id, outcome.value] as const] : []
      })
      if (sent.length > 0) await notes.add(sent)
      for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
      all.push(...sent.map(([, to]) => to))
    }
    return all
  }

  async #send({ id, bytes, headers, origin }: DeadLetter): Promise<SentBack> {
    const { partition } = origin
    const record = { key: bytes.key, value: bytes.value, headers: sentBackHeaders(headers, id), partition }
    const sent = await byteTopic(this.#context, origin.topic, { create: 'never' }).send(record)
    return { topic: sent.topic, partition, offset: sent.offset, atMs: this.#context.environment.clock.nowMs() }
  }

  /** What `JSON.stringify` shows of it. */
  toJSON(): object {
    return { topic: this.topic }
  }
}

/** A member that lost its partition while it wrote a letter, and the one that has it now, may both have written it. */
function onePerRecord(letters: readonly ListedDeadLetter[]): ListedDeadLetter[] {
  const alike = Map.groupBy(letters, (letter) => `${letter.group} ${buriedRecord(letter)}`)
  return Array.from(alike.values(), ([first, ...others]) => {
    return {
      ...first!,
      sentBack: first!.sentBack ?? others.find(({ sentBack }) => sentBack !== null)?.sentBack ?? null,
    }
  })
}
