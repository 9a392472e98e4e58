// A small service, as one would write it, for looking at with the inspector. Its groups behave differently on purpose.
import { setTimeout as delay } from 'node:timers/promises'
import { json, open, shutdownSignal } from 'tidemark'

const signal = shutdownSignal()
await using tide = await open(process.env.DATA ?? './data')
const payments = tide.topic('payments', { value: json(), partitions: 3 })
const mails = tide.topic('mails', { value: json() })

if ((await payments.offsets('latest')).every(({ offset }) => offset === 0)) await begin()
await Promise.all([shop(), fraud(), reports(), postman()])

/** What happened before today: payments that nobody has reported yet. */
async function begin() {
  await payments.sendBatch(Array.from({ length: 3_000 }, (_, index) => payment(index)))
}

function payment(number) {
  return { key: `card-${number % 97}`, value: { number, amount: (number * 7919) % 10_000, currency: 'EUR' } }
}

/** Twenty payments a second, and two mails. */
async function shop() {
  for (let number = 0; !signal.aborted; number++) {
    await payments.send(payment(3_000 + number))
    if (number % 10 === 0)
      await mails.send({
        key: `mail-${number}`,
        value: { to: `customer-${number}@example.org`, broken: number === 40 },
      })
    await delay(50)
  }
}

/** Keeps up. */
async function fraud() {
  for await (const payment of payments.consume({ group: 'fraud', signal })) {
    if (payment.value.amount > 9_990) console.log('suspicious', payment.id)
  }
}

/** Began late and is catching up: it does forty a second, however late a busy machine wakes it, where twenty come. */
async function reports() {
  let dueMs = Date.now()
  for await (const _ of payments.consume({ group: 'reports', signal, commit: { everyRecords: 20 } })) {
    dueMs += 25
    await delay(Math.max(0, dueMs - Date.now()))
  }
}

/** Cannot digest one record: it throws, starts again, and meets the same record. */
async function postman() {
  while (!signal.aborted) {
    try {
      for await (const mail of mails.consume({ group: 'postman', signal })) {
        if (mail.value.broken) throw new Error(`no such address in ${mail.id}`)
      }
    } catch (error) {
      console.log(`postman: ${error.message}`)
      await delay(1_000, undefined, { signal }).catch(() => {})
    }
  }
}
