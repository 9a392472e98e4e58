/**
 * Lines of a file into a topic, then the topic into SQLite, 500 rows to a transaction. How far it is stands in the database,
 * in the same transaction as the rows: so each record of the topic is there exactly once, whenever the program is killed.
 *
 *   node batch-import.ts ./data readings.db readings.csv
 *
 * Without a file it goes on with what is in the topic, after a crash for instance.
 */
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { json, open } from 'tidemark'

const [directory = './data', databaseFile = 'readings.db', file] = process.argv.slice(2)
await using tide = await open(directory)
const readings = tide.topic('readings', { value: json<{ sensor: string; celsius: number }>(), partitions: 2 })

async function* readingsOf(path: string) {
  for await (const line of createInterface({ input: createReadStream(path) })) {
    const [sensor = '', celsius = ''] = line.split(',')
    yield { key: sensor, value: { sensor, celsius: Number(celsius) } }
  }
}
if (file !== undefined) {
  const sent = await readings.sendAll(readingsOf(file))
  console.log(`sent ${sent.count}`)
}

using database = new DatabaseSync(databaseFile)
database.exec(`
  CREATE TABLE IF NOT EXISTS readings (sensor TEXT, celsius REAL);
  CREATE TABLE IF NOT EXISTS progress (partition INTEGER PRIMARY KEY, next_offset INTEGER);
`)
const insert = database.prepare('INSERT INTO readings VALUES (?, ?)')
const nextOffset = database.prepare('SELECT next_offset FROM progress WHERE partition = ?')
const moveOn = database.prepare('INSERT OR REPLACE INTO progress VALUES (?, ?)')

for await (const batch of readings.consume({ group: 'to-sqlite', follow: false }).batches({ maxRecords: 500 })) {
  const { partition } = batch
  const next = Number(nextOffset.get(partition)?.['next_offset'] ?? 0)
  // After a crash the group may bring some once more: the database knows better.
  const records = batch.records.filter(({ offset }) => offset >= next)
  if (records.length === 0) continue
  database.exec('BEGIN')
  for (const { value } of records) insert.run(value.sensor, value.celsius)
  moveOn.run(partition, records.at(-1)!.offset + 1)
  database.exec('COMMIT')
}
console.log(`there are ${database.prepare('SELECT count(*) AS count FROM readings').get()?.['count']}`)
