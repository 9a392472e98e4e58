/**
 * Calls other people's servers: eight at a time, the calls of each customer in order, again with growing pauses where a
 * server is down, without holding up anybody else. What cannot be delivered is kept with its reason, and tried again when
 * somebody says so.
 *
 *   node webhooks.ts ./data          delivers what is sent, until SIGTERM
 *   node webhooks.ts ./data again    sends back what it gave up on, and goes on
 */
import { json, open, shutdownSignal } from 'tidemark'

interface Hook {
  readonly url: string
  readonly text: string
}

const [directory = './data', what] = process.argv.slice(2)
const signal = shutdownSignal()
await using tide = await open(directory)
const hooks = tide.topic('hooks', { value: json<Hook>(), partitions: 3 })
const failed = tide.deadLetters('hooks-failed')

if (what === 'again') {
  const sentBack = await failed.sendBack()
  console.log(`again: ${sentBack.length}`)
}

await hooks.consume({ group: 'webhooks', signal }).run(
  async ({ id, value: { url, text } }, attempt) => {
    // Killed between the call and the commit it calls once more: the id lets whoever is called tell.
    const headers = { 'content-type': 'text/plain', 'idempotency-key': id }
    const { status } = await fetch(url, { method: 'POST', body: text, headers, signal: attempt.signal })
    if (status >= 500) throw new Error(`${url} answered ${status}`)
    if (status >= 400) throw new TypeError(`${url} refused it with ${status}`)
    console.log(`delivered ${text} at attempt ${attempt.number}`)
  },
  {
    concurrency: 8,
    retry: { attempts: 3, delayMs: (attempt) => 50 * 2 ** attempt, when: (error) => !(error instanceof TypeError) },
    attemptTimeoutMs: 10_000,
    onFailure: ({ value }, error) => {
      console.log(`gave up on ${value.text}: ${error instanceof Error ? error.message : error}`)
      return { deadLetter: 'hooks-failed' }
    },
  },
)
console.log(`closed in order, ${(await failed.list()).length} undelivered`)
