/** The rival: `node:sqlite`, WAL with synchronous FULL and default pages, doing the same durable work. */
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { BATCH_RECORDS, type Values } from './values.ts'

export class Sqlite {
  readonly #database: DatabaseSync

  constructor(folder: string) {
    this.#database = new DatabaseSync(join(folder, 'rival.sqlite'))
    this.#database.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL')
    this.#database.exec('CREATE TABLE records (offset INTEGER PRIMARY KEY, timestamp INTEGER, value BLOB)')
    this.#database.exec('CREATE TABLE offsets (name TEXT PRIMARY KEY, offset INTEGER) WITHOUT ROWID')
  }

  produce(values: Values, count: number): void {
    const insert = this.#database.prepare('INSERT INTO records (timestamp, value) VALUES (?, ?)')
    for (let sent = 0; sent < count; sent += BATCH_RECORDS) {
      this.#database.exec('BEGIN')
      for (let index = 0; index < BATCH_RECORDS; index++) insert.run(1, values.at(sent + index))
      this.#database.exec('COMMIT')
    }
  }

  /** Pages of 1,000 rows, the position upserted after each page, one record handed over at a time. */
  consume(): number {
    const page = this.#database.prepare('SELECT offset, value FROM records WHERE offset > ? ORDER BY offset LIMIT 1000')
    let offset = 0
    let sum = 0
    for (;;) {
      let rows = 0
      for (const row of page.iterate(offset)) {
        sum += (row['value'] as Uint8Array)[0] as number
        offset = row['offset'] as number
        rows++
      }
      if (rows === 0) return sum
      this.commit(offset)
    }
  }

  commit(offset: number): void {
    this.#database
      .prepare("INSERT INTO offsets VALUES ('g', ?) ON CONFLICT (name) DO UPDATE SET offset = excluded.offset")
      .run(offset)
  }

  close(): void {
    this.#database.close()
  }
}
