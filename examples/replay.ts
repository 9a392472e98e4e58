/**
 * A new question to old records: a new group begins at the first record that is there, beside all the others, which notice
 * nothing. A wrong answer is asked for again by moving the group back.
 */
import { json, open } from 'tidemark'

await using tide = await open(process.argv[2] ?? './data')
const sales = tide.topic('sales', { value: json<{ country: string; amount: number }>() })

const { created } = await sales.ensure()
if (created) {
  for (const [country, amount] of [
    ['PT', 10],
    ['NO', 20],
    ['PT', 5],
  ] as const) {
    await sales.send({ key: country, value: { country, amount } })
  }
}

async function totals(group: string): Promise<Map<string, number>> {
  const byCountry = new Map<string, number>()
  for await (const { value } of sales.consume({ group, whenNew: 'earliest', follow: false })) {
    byCountry.set(value.country, (byCountry.get(value.country) ?? 0) + value.amount)
  }
  // Here it returns at once. Where another process reads, it waits for it.
  await tide.groups.caughtUp(group)
  return byCountry
}

console.log('first', Object.fromEntries(await totals('totals')))
console.log('nothing new', Object.fromEntries(await totals('totals')))

const plan = await tide.groups.planReset('totals', 'earliest')
for (const { topic, partition, redelivered } of plan.changes) console.log(`${topic}-${partition}: ${redelivered} again`)
await plan.apply()
console.log('again', Object.fromEntries(await totals('totals')))
