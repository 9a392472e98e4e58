/** Joins a group with two members, reads a little with both, and dies: `node killed-members.ts DIRECTORY`. */
import { open } from '../../sdk/index.ts'

const tide = await open(process.argv[2] ?? '')
const topic = tide.topic('codec-gzip', { partitions: 2 })
const first = topic.consume({ group: 'killed', commit: { everyRecords: 1 } })[Symbol.asyncIterator]()
await first.next()
const second = topic.consume({ group: 'killed', commit: { everyRecords: 1 } })[Symbol.asyncIterator]()
// The first has to come back for more before it can give a partition up.
await Promise.all([first.next(), second.next()])
process.kill(process.pid, 'SIGKILL')
