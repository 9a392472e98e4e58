/** A part of a program, in the form in which it can be tested: it is given what it works with. */
import { json, type Tidemark } from 'tidemark'

export interface Payment {
  readonly amount: number
}

export function paymentsOf(tide: Tidemark) {
  return tide.topic('payments', { value: json<Payment>() })
}

/** Every payment that is too large, handed to `report` at least once, until there is none left. */
export async function findFraud(tide: Tidemark, report: (card: string) => Promise<void>): Promise<void> {
  for await (const { key, value } of paymentsOf(tide).consume({ group: 'fraud', follow: false })) {
    if (value.amount > 1000) await report(key ?? 'unknown')
  }
}
