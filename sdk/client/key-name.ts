/** A key as text: equal for equal bytes, and for no others. latin1 keeps every byte apart, which utf8 does not. */
export function keyName(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1')
}
