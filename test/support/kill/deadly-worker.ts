/** Works on `in`, several records at a time, and is killed by its own handler at one of them: `node deadly-worker.ts DIRECTORY`. */
import { json, open } from '../../../sdk/index.ts'

const [directory = ''] = process.argv.slice(2)
await using tide = await open(directory)
await tide
  .topic('in', { value: json<number>() })
  .consume({ group: 'g', follow: false })
  .run(
    async ({ value }) => {
      if (value === 70) process.kill(process.pid, 'SIGKILL')
      await new Promise((resolve) => setImmediate(resolve))
    },
    { concurrency: 8, retry: { attempts: 2 }, onFailure: { deadLetter: 'in-failed' } },
  )
