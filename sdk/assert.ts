/** Fails when Tidemark itself is wrong. Never judges user input or what is on a disk: those are `TidemarkError`s. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`Bug in Tidemark: ${message}`)
}
