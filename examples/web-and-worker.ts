/**
 * Two processes on one directory. The web server takes jobs and answers when they are on disk; the worker does them, four at a
 * time, and writes down what came of them; the web server has that in a table. Whoever is started first owns the directory,
 * the other one works through it, and takes over when the first is gone.
 *
 *   node web-and-worker.ts web ./data
 *   node web-and-worker.ts worker ./data
 *
 *   curl -d 'tidemark' localhost:3000    answers the id of a job
 *   curl localhost:3000/jobs-0@0         answers what came of it
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { open, shutdownSignal, string } from 'tidemark'

const [role, directory = './data'] = process.argv.slice(2)
if (role !== 'web' && role !== 'worker') throw new Error('Say which one this is: node web-and-worker.ts web, or worker')
const signal = shutdownSignal()
await using tide = await open(directory)
const jobs = tide.topic('jobs', { value: string, partitions: 3 })
const results = tide.topic('results', { value: string, configs: { 'cleanup.policy': 'compact' } })
console.log(`${role} is ${tide.kind}`)

async function web(): Promise<void> {
  await using table = await tide.table(results)
  const server = createServer(async (request, response) => {
    if (request.method === 'POST') {
      const { topic, partition, offset } = await jobs.send({ value: await text(request) })
      response.writeHead(201).end(`${topic}-${partition}@${offset}`)
      return
    }
    await table.caughtUp()
    const result = table.get((request.url ?? '').slice(1))
    response.writeHead(result === undefined ? 404 : 200).end(result ?? 'not yet')
  })
  server.listen(Number(process.env['PORT'] ?? 3000), () => {
    console.log(`listening on http://localhost:${(server.address() as AddressInfo).port}`)
  })
  signal.addEventListener('abort', () => server.close())
  await once(server, 'close')
}

async function worker(): Promise<void> {
  await jobs.consume({ group: 'workers', signal }).run(
    async ({ id, value }) => {
      await sleep(20)
      // By the job's id: done again after a crash, it replaces itself.
      await results.send({ key: id, value: value.toUpperCase() })
      console.log(`done ${id}`)
    },
    { concurrency: 4, retry: { attempts: 3 }, onFailure: { deadLetter: 'jobs-failed' } },
  )
}

await (role === 'worker' ? worker() : web())
console.log('closed in order')
