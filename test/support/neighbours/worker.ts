/**
 * A process that opens a directory and does what stdin says, line by line: `node worker.ts DIRECTORY`. What happens is told
 * in lines of JSON on stdout and, since a killed process may take along what nobody has read, in a file beside the directory.
 */
import { openSync, writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { open } from '../../../sdk/index.ts'

const [directory = ''] = process.argv.slice(2)
const tide = await open(directory, { survives: 'process-crash', clientId: `worker ${process.pid}` })
const topic = tide.topic('t', { partitions: 4 })
let loop: Promise<void> | undefined
let sending: Promise<void> | undefined
let isSending = true

const evidence = openSync(`${directory}-${process.pid}.told`, 'w')

function tell(what: object): void {
  const line = `${JSON.stringify(what)}\n`
  writeSync(evidence, line)
  process.stdout.write(line)
}

async function consume(group: string): Promise<void> {
  const commit = { everyRecords: 10, intervalMs: 100, idleMs: 50 }
  for await (const { partition, offset } of topic.consume({ group, commit })) {
    tell({ pid: process.pid, group, partition, offset })
  }
}

/** One after the other, each number once; an acknowledged one is told. */
async function send(name: string): Promise<void> {
  for (let n = 0; isSending; n++) {
    const { partition, offset } = await topic.send({ key: name, value: Buffer.from(`${name}-${n}`) })
    tell({ sent: `${name}-${n}`, partition, offset })
  }
}

const commands: Record<string, (argument: string) => unknown> = {
  kind: () => tell({ kind: tide.kind }),
  consume: (group) => {
    loop = consume(group)
    loop.catch((error: unknown) => tell({ failed: String(error) }))
  },
  send: (name) => {
    sending = send(name)
    sending.catch((error: unknown) => tell({ failed: String(error) }))
  },
  stop: async () => {
    isSending = false
    await sending
    tell({ stopped: true })
  },
  close: async () => {
    await tide.close()
    await loop
    tell({ closed: true })
  },
}
tell({ kind: tide.kind, pid: process.pid })
for await (const line of createInterface({ input: process.stdin })) {
  const [command = '', argument = ''] = line.split(' ')
  await commands[command]?.(argument)
}
