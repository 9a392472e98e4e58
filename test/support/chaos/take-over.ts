import type { Life } from './evidence.ts'

/** What was done to whom. */
export interface Blow {
  readonly kind: 'kill' | 'pause' | 'restart'
  readonly atMs: number
  readonly process: string
  readonly wasOwner: boolean
}

/**
 * Milliseconds from each kill of the owner until a send that another process began after it was acknowledged, shortest
 * first; infinity where none was. A kill after which the next owner was struck, too, before that says nothing.
 */
export function takeOvers(blows: readonly Blow[], lives: readonly Life[]): number[] {
  const begunAtMs = new Map<string, number>()
  const acknowledged: { readonly begunMs: number; readonly atMs: number; readonly process: string }[] = []
  for (const { process, evidence } of lives) {
    for (const each of evidence) {
      if (each.what === 'send') begunAtMs.set(each.id, each.atMs)
      else if (each.what === 'sent') {
        acknowledged.push({ begunMs: begunAtMs.get(each.id)!, atMs: each.atMs, process })
      }
    }
  }
  acknowledged.sort((a, b) => a.atMs - b.atMs)
  const tookMs: number[] = []
  for (const { kind, wasOwner, process, atMs } of blows) {
    if (kind !== 'kill' || !wasOwner) continue
    const next = acknowledged.find((each) => each.begunMs > atMs && each.process !== process)
    const endMs = next?.atMs ?? Number.POSITIVE_INFINITY
    const isStruck = blows.some((other) => other.wasOwner && other.atMs > atMs && other.atMs < endMs)
    if (!isStruck) tookMs.push(endMs - atMs)
  }
  return tookMs.sort((a, b) => a - b)
}
