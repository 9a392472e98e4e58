/** Tries to own a directory, writes one record if it may, and says how it went: `node rival.ts DIRECTORY VALUE`. */
import { open } from '../../sdk/index.ts'

const [directory = '', value = 'rival'] = process.argv.slice(2)
try {
  const tide = await open(directory, { waitMs: 100 })
  const { offset } = await tide.topic('t').send({ value: Buffer.from(value) })
  await tide.close()
  console.log(JSON.stringify({ offset }))
} catch (error) {
  const { code, message } = error as { code?: string; message: string }
  console.log(JSON.stringify({ code, message }))
}
