/**
 * The outbox: what happened and the event that tells of it are written in one transaction of the database, so there is never
 * one without the other. A relay sends what the outbox holds, in order, and removes what is on disk. Killed in between, it
 * sends some once more: the outbox's own number goes along as a header, so that whoever reads can tell.
 */
import { DatabaseSync } from 'node:sqlite'
import { json, open } from 'tidemark'

const [directory = './data', databaseFile = 'shop.db'] = process.argv.slice(2)
using database = new DatabaseSync(databaseFile)
database.exec(`
  CREATE TABLE IF NOT EXISTS customers (name TEXT PRIMARY KEY);
  CREATE TABLE IF NOT EXISTS outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT, value TEXT);
`)

function register(name: string): void {
  database.exec('BEGIN')
  try {
    database.prepare('INSERT INTO customers VALUES (?)').run(name)
    const event = JSON.stringify({ type: 'registered', name })
    database.prepare('INSERT INTO outbox (key, value) VALUES (?, ?)').run(name, event)
    database.exec('COMMIT')
  } catch (error) {
    database.exec('ROLLBACK')
    throw error
  }
}

await using tide = await open(directory)
const customers = tide.topic('customers', { value: json<{ type: string; name: string }>() })

async function relay(): Promise<number> {
  const rows = database.prepare('SELECT id, key, value FROM outbox ORDER BY id LIMIT 1000').all()
  if (rows.length === 0) return 0
  await customers.sendBatch(
    rows.map(({ id, key, value }) => ({
      key: String(key),
      value: JSON.parse(String(value)),
      headers: { outbox: String(id) },
    })),
  )
  database.prepare('DELETE FROM outbox WHERE id <= ?').run(rows.at(-1)!['id']!)
  return rows.length
}

for (const name of ['Ada', 'Grace']) {
  try {
    register(name)
  } catch {
    // Registered by an earlier run: no row, so no event either.
  }
}
while ((await relay()) > 0);

let last = 0
for await (const { value, headers } of customers.read({ follow: false })) {
  const number = Number(headers.find(({ key }) => key === 'outbox')?.value?.toString())
  if (number <= last) continue // sent twice
  last = number
  console.log(`${value.name} ${value.type}`)
}
