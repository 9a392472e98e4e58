import { readFileSync } from 'node:fs'

/** One departure of the public data set "flights" (US Bureau of Transportation Statistics, by way of vega-datasets). */
export interface Flight {
  readonly date: string
  readonly delay: number
  readonly distance: number
  readonly origin: string
  readonly destination: string
}

export function readFlights(): Flight[] {
  // The package exports its code only; the data lies beside it.
  const file = new URL('../../node_modules/vega-datasets/data/flights-20k.json', import.meta.url)
  return JSON.parse(readFileSync(file, 'utf8')) as Flight[]
}
