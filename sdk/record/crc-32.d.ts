// The package has types for its CRC-32 only.
declare module 'crc-32/crc32c.js' {
  const crc32c: { buf(bytes: Uint8Array, seed?: number): number }
  // biome-ignore lint/style/noDefaultExport: a CommonJS module is one default export.
  export default crc32c
}
