/**
 * The program that gets killed: it owns the directory, replays the flights into a topic and consumes them in two
 * groups. What the handlers saw goes into one file per group, written before the body ends: the demo's own evidence,
 * kept apart from Tidemark's.
 */
import { closeSync, openSync, writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { json, open, shutdownSignal } from '../../sdk/index.ts'
import { type Flight, readFlights } from './flights.ts'

const [directory = '', evidenceFolder = '', roundsText = '1'] = process.argv.slice(2)
const signal = shutdownSignal()

await using tide = await open(directory)
const flights = tide.topic('flights', { value: json<Flight>(), partitions: 3 })

await Promise.all([
  replay(Number(roundsText)),
  consume('delays', async () => {}),
  // The slow one: it pretends to call somebody for every 20th flight.
  consume('notifications', async (count) => {
    if (count % 20 === 0) await sleep(1)
  }),
])

/** Sends what is not in the topic yet, so that a restart goes on where the kill cut it off. */
async function replay(rounds: number): Promise<void> {
  const all = readFlights()
  const total = rounds * all.length
  const ends = await flights.offsets('latest')
  let sent = ends.reduce((sum, end) => sum + end.offset, 0)
  while (sent < total && !signal.aborted) {
    const batch = []
    while (batch.length < 500 && sent + batch.length < total) {
      const flight = all[(sent + batch.length) % all.length] as Flight
      batch.push({ key: flight.origin, value: flight })
    }
    await flights.sendBatch(batch)
    sent += batch.length
    // About 40,000 flights a second: fast enough to be fun, slow enough to watch.
    await sleep(12)
  }
}

async function consume(group: string, work: (count: number) => Promise<void>): Promise<void> {
  const file = openSync(`${evidenceFolder}/${group}.seen`, 'a')
  const line = Buffer.alloc(5)
  let count = 0
  for await (const flight of flights.consume({ group, signal })) {
    if (flight.value.origin === '') throw new Error('a flight without an origin')
    await work(++count)
    line.writeUInt8(flight.partition, 0)
    line.writeUInt32BE(flight.offset, 1)
    writeSync(file, line)
  }
  closeSync(file)
}
