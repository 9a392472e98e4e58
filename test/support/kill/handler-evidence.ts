import { existsSync, openSync, readFileSync, writeSync } from 'node:fs'

export const EVERY_RECORDS = 100
export const ATTEMPTS = 3
export const CONCURRENCY = 32

/** What becomes of the n-th record: mixed, so that every key has some of each. */
export function fateOf(n: number): 'poison' | 'slow' | 'plain' {
  const mixed = (Math.imul(n, 2_654_435_761) >>> 7) % 100
  if (mixed === 0) return 'poison'
  return mixed <= 5 ? 'slow' : 'plain'
}

/** `begun`: an attempt begins. `through`: it has succeeded. `given up`: the last one has failed, the letter is still to come. */
const STEPS = ['begun', 'through', 'given up'] as const
export type Step = (typeof STEPS)[number]

export interface HandlerStep {
  readonly step: Step
  readonly partition: number
  readonly offset: number
  /** When, by a clock that all processes of the machine share, in nanoseconds. */
  readonly at: bigint
}

const BYTES = 14

/** Writes down what a handler does as it does it: what is written is there whatever becomes of the process. */
export class HandlerEvidence {
  readonly #file: number
  readonly #line = Buffer.alloc(BYTES)

  constructor(path: string) {
    this.#file = openSync(path, 'a')
  }

  write(step: Step, { partition, offset }: { readonly partition: number; readonly offset: number }): void {
    this.#line.writeUInt8(STEPS.indexOf(step), 0)
    this.#line.writeUInt8(partition, 1)
    this.#line.writeUInt32BE(offset, 2)
    this.#line.writeBigUInt64BE(process.hrtime.bigint(), 6)
    writeSync(this.#file, this.#line)
  }
}

export function readHandlerEvidence(path: string): HandlerStep[] {
  if (!existsSync(path)) return []
  const bytes = readFileSync(path)
  const steps: HandlerStep[] = []
  for (let at = 0; at + BYTES <= bytes.length; at += BYTES) {
    const step = STEPS[bytes.readUInt8(at)]!
    const [partition, offset] = [bytes.readUInt8(at + 1), bytes.readUInt32BE(at + 2)]
    steps.push({ step, partition, offset, at: bytes.readBigUInt64BE(at + 6) })
  }
  return steps
}
