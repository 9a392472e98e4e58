import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

/** One departure of the public data set "flights" (US Bureau of Transportation Statistics, by way of vega-datasets). */
export interface Flight {
  readonly date: string
  readonly delay: number
  readonly distance: number
  readonly origin: string
  readonly destination: string
}

export function readFlights(): Flight[] {
  const file = createRequire(import.meta.url).resolve('vega-datasets/data/flights-20k.json')
  return JSON.parse(readFileSync(file, 'utf8')) as Flight[]
}
