/** Calls back at the next `signal` to this process, which then no longer ends it. Returns how to stop listening. */
export function onSignal(signal: NodeJS.Signals, callback: () => void): () => void {
  process.on(signal, callback)
  return () => process.off(signal, callback)
}
