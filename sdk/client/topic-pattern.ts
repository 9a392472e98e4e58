import type { TopicMetadata } from '../broker/broker.ts'
import type { Serdes } from './fetched-batch.ts'
import { checkOptions, serde } from './option-check.ts'
import { bytes, defaultKey, type Serde } from './serde.ts'

/** How the records of all topics that an expression matches are decoded. */
export interface PatternOptions<KO, VO> {
  /** Default: bytes as they are. */
  readonly value?: Serde<VO, never> | undefined
  /** Default: text, or null. */
  readonly key?: Serde<KO, never> | undefined
}

/** Topics by an expression, matched here and not by the broker, so that it means the same everywhere. */
export class TopicPattern {
  readonly serdes: Serdes
  readonly #expression: RegExp

  /** @throws {TidemarkError} INVALID_ARGUMENT */
  constructor(expression: RegExp, options: PatternOptions<unknown, unknown> = {}) {
    checkOptions('consume', options, { value: serde, key: serde })
    // With these flags an expression remembers where it was, and answers otherwise the next time.
    this.#expression = new RegExp(expression.source, expression.flags.replace(/[gy]/g, ''))
    this.serdes = { key: options.key ?? defaultKey, value: options.value ?? bytes } as Serdes
  }

  /** Kafka's own topics are never meant. */
  matches({ name, internal }: Pick<TopicMetadata, 'name' | 'internal'>): boolean {
    return !internal && this.#expression.test(name)
  }

  toString(): string {
    return String(this.#expression)
  }
}
