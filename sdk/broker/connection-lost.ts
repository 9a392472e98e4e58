import { TidemarkError } from '../errors.ts'

/** The owner went before it answered. */
export class ConnectionLost extends TidemarkError {
  /** False where it cannot have heard of the request. */
  readonly wasSent: boolean

  constructor(what: string, wasSent: boolean) {
    const outcome = wasSent
      ? 'Whether it was done is not known: look before you repeat it.'
      : 'Nothing was done: repeat it.'
    super('NETWORK_EXCEPTION', `The process that owns the directory went away before it answered ${what}. ${outcome}`)
    this.wasSent = wasSent
  }
}
