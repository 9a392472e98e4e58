/**
 * An HTTP service. `POST /orders` answers 201 when the order is on disk, with the id it has for ever. Two groups work on
 * the orders, each at its own speed: one reserves stock, one writes mails. `GET /lag` says how far they are.
 *
 *   curl -d '{"item":"tea","count":2}' localhost:3000/orders
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { json, open, shutdownSignal, TidemarkError } from 'tidemark'

interface Order {
  readonly item: string
  readonly count: number
}

const signal = shutdownSignal()
await using tide = await open(process.argv[2] ?? './data')
const orders = tide.topic('orders', { value: json<Order>(), partitions: 3 })

async function reserveStock(): Promise<void> {
  for await (const order of orders.consume({ group: 'stock', signal })) {
    console.log(`stock: ${order.value.count} × ${order.value.item} for ${order.id}`)
  }
}

async function writeMails(): Promise<void> {
  for await (const order of orders.consume({ group: 'mail', signal })) {
    console.log(`mail: thank you for ${order.id}`)
  }
}

const server = createServer(async (request, response) => {
  try {
    if (request.method === 'POST' && request.url === '/orders') {
      const value = JSON.parse(await text(request)) as Order
      const { topic, partition, offset } = await orders.send({ key: value.item, value })
      response.writeHead(201).end(JSON.stringify({ id: `${topic}-${partition}@${offset}` }))
    } else if (request.url === '/lag') {
      const rows = await tide.lag()
      response.end(JSON.stringify(rows.map(({ group, partition, lagRecords }) => ({ group, partition, lagRecords }))))
    } else response.writeHead(404).end()
  } catch (error) {
    const isBusy = error instanceof TidemarkError && error.retriable
    response.writeHead(isBusy ? 503 : 400).end(error instanceof Error ? error.message : String(error))
  }
})
server.listen(Number(process.env['PORT'] ?? 3000), () =>
  console.log(`listening on http://localhost:${(server.address() as AddressInfo).port}`),
)
signal.addEventListener('abort', () => server.close())

// Both end at SIGTERM after the order in hand; one that fails ends the program, which is started again by whoever runs it.
await Promise.all([reserveStock(), writeMails()])
console.log('closed in order')
