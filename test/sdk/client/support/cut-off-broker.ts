import type { Broker } from '../../../../sdk/broker/broker.ts'

/** A broker as one process sees it, until that process is killed: from then on nobody hears anything any more. */
export interface CutOffBroker {
  readonly broker: Broker
  cutOff(): void
  readonly isCutOff: boolean
}

const NEVER = new Promise<never>(() => {})

/** What a request did before the cut stays done; its answer is not heard, and no further request gets through. */
export function cutOffBroker(broker: Broker): CutOffBroker {
  let isCutOff = false
  const heard = async (answer: Promise<unknown>): Promise<unknown> => {
    try {
      const value = await answer
      return isCutOff ? await NEVER : value
    } catch (error) {
      if (isCutOff) return await NEVER
      throw error
    }
  }
  const cut = new Proxy(broker, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      return (...given: unknown[]) => {
        if (isCutOff) return NEVER
        const answer: unknown = Reflect.apply(value, target, given)
        // What answers at once, such as the end of a subscription, is no request.
        return answer instanceof Promise ? heard(answer) : answer
      }
    },
  })
  return {
    broker: cut,
    get isCutOff() {
      return isCutOff
    },
    cutOff() {
      isCutOff = true
    },
  }
}
