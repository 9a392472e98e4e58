/**
 * Each booking is made once, although a crash may hand some out again: `record.id` is unique for ever, and is written in the
 * same transaction as what the record caused. Unlike an offset per partition, as in batch-import.ts, it does not need the
 * records in order, so many can be worked on at a time.
 *
 *   node dedupe.ts ./data ledger.db
 */
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { json, open } from 'tidemark'

const [directory = './data', databaseFile = 'ledger.db'] = process.argv.slice(2)
await using tide = await open(directory)
const bookings = tide.topic('bookings', { value: json<{ amount: number }>() })

const { created } = await bookings.ensure()
if (created) await bookings.sendBatch([10, 20, 30].map((amount) => ({ key: 'Ada', value: { amount } })))

using database = new DatabaseSync(databaseFile)
database.exec(`
  CREATE TABLE IF NOT EXISTS balances (name TEXT PRIMARY KEY, amount INTEGER);
  CREATE TABLE IF NOT EXISTS booked (id TEXT PRIMARY KEY);
`)
const isNew = database.prepare('INSERT OR IGNORE INTO booked VALUES (?)')
const add = database.prepare(
  'INSERT INTO balances VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET amount = amount + excluded.amount',
)

let again = 0
await bookings.consume({ group: 'ledger', follow: false }).run(
  async ({ id, key, value }) => {
    await sleep(1) // what takes its time comes before the transaction
    database.exec('BEGIN')
    if (isNew.run(id).changes === 0) again++
    else add.run(key, value.amount)
    database.exec('COMMIT')
  },
  { concurrency: 8 },
)
const { amount } = database.prepare('SELECT amount FROM balances').get() ?? {}
console.log(`Ada has ${amount}, ${again} came again`)
