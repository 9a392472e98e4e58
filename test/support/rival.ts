/** Opens a directory, writes one record, and says what it was and how it went: `node rival.ts DIRECTORY VALUE`. */
import { open } from '../../sdk/index.ts'

const [directory = '', value = 'rival'] = process.argv.slice(2)
try {
  const tide = await open(directory, { waitMs: 100 })
  const { offset } = await tide.topic('t').send({ value: Buffer.from(value) })
  const { kind } = tide
  await tide.close()
  console.log(JSON.stringify({ kind, offset }))
} catch (error) {
  const { code, message } = error as { code?: string; message: string }
  console.log(JSON.stringify({ code, message }))
}
