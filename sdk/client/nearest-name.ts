/** The known name a person most likely meant, or undefined where none is close enough to suggest. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  const wanted = name.toLowerCase()
  let best: string | undefined
  // A third of the letters wrong is a typing error; more is another word.
  let bestDistance = Math.ceil(wanted.length / 3) + 1
  for (const candidate of known) {
    const lower = candidate.toLowerCase()
    const isPrefix = wanted.length >= 2 && lower.startsWith(wanted)
    const distance = isPrefix ? 1 : editDistance(wanted, lower)
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** Letters to insert, remove, replace or swap with their neighbour to get from `from` to `to`. */
function editDistance(from: string, to: string): number {
  let beforePrevious: number[] = []
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (let row = 1; row <= from.length; row++) {
    const current = [row]
    for (let column = 1; column <= to.length; column++) {
      const isSame = from[row - 1] === to[column - 1]
      let distance = Math.min(current[column - 1]! + 1, previous[column]! + 1, previous[column - 1]! + (isSame ? 0 : 1))
      const isSwap = row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
      if (isSwap) distance = Math.min(distance, beforePrevious[column - 2]! + 1)
      current.push(distance)
    }
    beforePrevious = previous
    previous = current
  }
  return previous[to.length]!
}
